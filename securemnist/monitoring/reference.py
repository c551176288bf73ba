"""Reference: the statistics of images that are known to be as expected."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from securemnist._util.hashing import canonical_json, sha256, sha256_of_value
from securemnist.batches import batch_size
from securemnist.data.dataset import DataSet
from securemnist.data.samples import Samples, as_images
from securemnist.errors import DataError
from securemnist.monitoring.statistics import names, statistics
from securemnist.types import Images, Labels, Logits

FEWEST, MOST = 100, 5_000
# Large images are fewer, so that a start does not take minutes: 500 of 3x224x224.
_VALUES, _FEWEST_OF_SPLIT = 16 << 20, 500


@dataclass(frozen=True)
class Reference:
    """`values` float32 (S, m), each row sorted: the statistics `names` of m images.

    `classes` int64 (K,): how many of them were predicted as each class. `source`: digest of the model and
    the data, "" where they have none. DataError below 100 images.
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    source: str = ""

    def __post_init__(self) -> None:
        if self.size < FEWEST:
            raise DataError(
                f"expected at least {FEWEST} images as a reference of the monitor, got {self.size}; "
                'use data with more images, or off = ["monitor"]'
            )

    @property
    def size(self) -> int:
        """The number of images."""
        return int(self.values.shape[1])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what it is made of, or of names, values and counts.

        The last bits of the values depend on the machine and on its number of threads.
        """
        if self.source:
            return self.source
        head = canonical_json([self.names, self.values.shape, self.classes.tolist()])
        return sha256(head.encode() + self.values.astype("<f4").tobytes())

    @classmethod
    def of(cls, images: Images, logits: Logits) -> Reference:
        """The reference of images float32 (n, C, H, W) in [0, 1] with logits (n, K)."""
        return cls._from_parts([statistics(images, logits)], images.shape[1], logits.shape[1])

    @classmethod
    def of_data(
        cls, predict: Callable[[Images], Logits], data: DataSet, *, model: str = ""
    ) -> Reference:
        """The reference of up to 5,000 images of the tuning split, or of the test split without one.

        `predict` maps images to logits, `model` is its digest. The images are spread evenly over the
        split.
        """
        split = data.tuning if len(data.tuning) >= _FEWEST_OF_SPLIT else data.test
        with torch.no_grad():
            batches = map(as_images, _chosen(split, data.spec.size))
            parts = [statistics(images, predict(images)) for images in batches]
        found = cls._from_parts(parts, data.spec.channels, data.spec.classes)
        source = sha256_of_value([found.names, found.size, model, data.digests]) if model else ""
        return dataclasses.replace(found, source=source)

    @classmethod
    def _from_parts(
        cls, parts: Sequence[tuple[torch.Tensor, Labels]], channels: int, classes: int
    ) -> Reference:
        values = np.concatenate([part[0].numpy() for part in parts]).T
        labels = np.concatenate([part[1].numpy() for part in parts])
        counts = np.bincount(labels, minlength=classes).astype(np.int64)
        return cls(names(channels), np.sort(values, axis=1), counts)


def _chosen(split: Samples, size: int) -> Iterator[torch.Tensor]:
    """Pixels of evenly spread images, in batches."""
    count = min(len(split), MOST, max(_FEWEST_OF_SPLIT, _VALUES // size))
    places = torch.linspace(0, max(0, len(split) - 1), count).long().unique()
    return (split.pixels[part] for part in places.split(batch_size(split.pixels, 128)))
