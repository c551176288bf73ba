"""Data set: training, tuning and test split, and the input specification that they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from securemnist.data.samples import Samples
from securemnist.input_spec import InputSpec

# SHA-256 of the uncompressed files of MNIST (Y. LeCun, C. Cortes, C. J. C. Burges; CC BY-SA 3.0).
PINNED = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
FILES = {"train": tuple(PINNED)[:2], "test": tuple(PINNED)[2:]}


@dataclass(frozen=True)
class Copies:
    """Numbers of copies among `n` test images: copies of training images, and of other test images."""

    of_training: int
    repeated: int
    n: int

    def __str__(self) -> str:
        counts = []
        if self.of_training:
            counts.append(f"{self.of_training:,} copies of training images")
        if self.repeated:
            counts.append(f"{self.repeated:,} copies of other test images")
        return f"{' and '.join(counts)} among {self.n:,} test images" if counts else ""


@dataclass(frozen=True)
class DataSet:
    """Training, tuning and test split, their input specification, and digests of files or splits.

    The tuning split is the end of the training images (5,000 of MNIST's 60,000); without training images
    both are empty. Thresholds and recipes are chosen on it, never on the test split. `pinned`: whether
    this is the bundled MNIST.
    """

    name: str
    train: Samples
    tuning: Samples
    test: Samples
    spec: InputSpec
    digests: dict[str, str]

    def __repr__(self) -> str:
        counts = (
            f"{len(self.train):,} training, {len(self.tuning):,} tuning, {len(self.test):,} test"
        )
        return f"<DataSet: {self.name}, {self.spec}, {counts} images>"

    def training_images(self) -> Samples:
        """Training and tuning split together, in the order of the file."""
        return Samples.joined([self.train, self.tuning])

    @classmethod
    def load(
        cls, path: Path | str | None = None, *, progress: Callable[..., None] | bool = True
    ) -> DataSet:
        """The data set at `path`, or the bundled MNIST; DataError in one sentence where it is none.

        `path`: a folder of IDX files, of pictures (`test/CLASS/*.png`), of Parquet files or of CIFAR's
        binary files; a file `.npz` or `.parquet`; or a description `.toml` of one of them. `progress`:
        whether reading of more than two seconds shows a bar, or a function (label, done, total).
        """
        from securemnist.data.loading import load

        return load(None if path is None else Path(path), progress=progress)

    @classmethod
    def from_tensors(
        cls,
        images: Any,
        labels: Any,
        *,
        name: str = "tensors",
        training: tuple[Any, Any] | None = None,
        classes: int | None = None,
        class_names: Sequence[str] = (),
    ) -> DataSet:
        """The data set whose test split are these images; tensors or NumPy arrays.

        `images` (n, C, H, W), float32 in [0, 1] or uint8; `labels` integers (n,) from 0. `training`: the
        same pair for what the model was trained on, by which copies in the test split are found.
        `classes` is by default the number of `class_names`, else the highest label of both pairs + 1. It
        is ten for grey 28x28 images with labels 0 to 9. DataError for another shape, type or range,
        and for NaN.
        """
        from securemnist.data.tensors import data_set

        return data_set(
            images,
            labels,
            name=name,
            training=training,
            classes=classes,
            class_names=tuple(class_names),
        )

    @classmethod
    def from_dataset(
        cls,
        test: Any,
        training: Any = None,
        *,
        name: str = "dataset",
        classes: int | None = None,
        class_names: Sequence[str] = (),
        progress: Callable[..., None] | bool = True,
    ) -> DataSet:
        """The data set of a `torch.utils.data.Dataset` with a length, whose items are (image, label).

        An image is a tensor (C, H, W) or (H, W), float32 in [0, 1] or uint8, or a PIL image. Each item
        is read once. The other arguments are those of `from_tensors` and `load`.
        """
        from securemnist.data.torch_datasets import data_set

        return data_set(
            test,
            training,
            name=name,
            classes=classes,
            class_names=tuple(class_names),
            progress=progress,
        )

    @property
    def pinned(self) -> bool:
        return self.digests == PINNED

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the test split, which a policy may require."""
        return self.test.digest

    @cached_property
    def most_frequent(self) -> float:
        """Share of the most frequent class in the test split: the accuracy of a constant answer."""
        labels = self.test.labels
        return float(labels.bincount().max()) / len(labels)

    @cached_property
    def copies(self) -> Copies:
        """Copies in the test split, by equal pixels; a split used as the test split is excluded."""
        others = [split for split in (self.train, self.tuning) if split is not self.test]
        known = {content for split in others for content in split.contents}
        contents = self.test.contents
        found = sum(content in known for content in contents)
        return Copies(found, len(contents) - len(set(contents)), len(contents))

    def to_json(self) -> dict[str, Any]:
        """The entry of the data in an assessment."""
        return {
            "name": self.name,
            "sha256": self.digest,
            "digests": self.digests,
            "spec": self.spec.to_json(),
        }
