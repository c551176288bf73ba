"""MNIST and data sets of the same format: IDX files, verified before use.

A data folder has the four files of MNIST, plain or gzip-compressed. The bundled MNIST (Y. LeCun,
C. Cortes, C. J. C. Burges; CC BY-SA 3.0) must have the digests below. Any other folder must have valid
IDX files, and every result states their digests. Nothing is downloaded.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from securemnist._util import resources
from securemnist._util.hashing import canonical_json, sha256
from securemnist._util.torchvision_shim import torchvision
from securemnist.data import idx_files
from securemnist.errors import DataError
from securemnist.types import Images, Labels

# SHA-256 of the uncompressed files.
PINNED = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
FILES = {"train": tuple(PINNED)[:2], "test": tuple(PINNED)[2:]}


@dataclass(frozen=True)
class Digits:
    """Labelled images: `pixels` uint8 (n, 28, 28), or float32 in [0, 1]; `labels` int64 (n,)."""

    pixels: torch.Tensor
    labels: Labels

    def __repr__(self) -> str:
        return f"<Digits: {len(self):,} images>"

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | torch.Tensor) -> Digits:
        return Digits(self.pixels[index], self.labels[index])

    def images(self) -> Images:
        """Float32 (n, 1, 28, 28) in [0, 1]."""
        images = self.pixels.unsqueeze(1)
        return images.clone() if images.is_floating_point() else images.float().div_(255)

    @property
    def digest(self) -> str:
        """SHA-256 of shape, pixels and labels, whatever files they were read from."""
        form: list[object] = list(self.pixels.shape)
        if self.pixels.is_floating_point():
            form.append("float32")
        shape = canonical_json(form).encode()
        labels = self.labels.to(torch.uint8).numpy().tobytes()
        return sha256(shape + self.pixels.contiguous().numpy().tobytes() + labels)

    def contents(self) -> list[bytes]:
        """The pixels of each image as bytes, to find copies."""
        return [image.tobytes() for image in self.pixels.numpy()]


@dataclass(frozen=True)
class Copies:
    """Numbers of copies among `n` test images: copies of training images, and of other test images."""

    of_training: int
    repeated: int
    n: int

    def __str__(self) -> str:
        """Both counts in one sentence; empty without copies."""
        counts = []
        if self.of_training:
            counts.append(f"{self.of_training:,} copies of training images")
        if self.repeated:
            counts.append(f"{self.repeated:,} copies of other test images")
        return f"{' and '.join(counts)} among {self.n:,} test images" if counts else ""


@dataclass(frozen=True)
class DataSet:
    """Training, tuning and test split, with the digests of their files.

    The tuning split is the end of the training files (5,000 of MNIST's 60,000). Thresholds and recipes
    are chosen on it, never on the test split. `pinned`: whether this is the bundled MNIST.
    """

    name: str
    train: Digits
    tuning: Digits
    test: Digits
    digests: dict[str, str]

    def __repr__(self) -> str:
        counts = (
            f"{len(self.train):,} training, {len(self.tuning):,} tuning, {len(self.test):,} test"
        )
        return f"<DataSet: {self.name}, {counts} images>"

    @classmethod
    def load(cls, folder: Path | str | None = None) -> DataSet:
        """The data set of the IDX files in `folder`, or the bundled MNIST; DataError where it is none."""
        return load(None if folder is None else Path(folder))

    @classmethod
    def from_tensors(
        cls,
        images: Any,
        labels: Any,
        *,
        name: str = "tensors",
        training: tuple[Any, Any] | None = None,
    ) -> DataSet:
        """The data set whose test split are these images; tensors or NumPy arrays.

        `images` float32 (n, 1, 28, 28) in [0, 1]; `labels` integers (n,) from 0 to 9. `training`: the
        same pair for what the model was trained on, by which copies in the test split are found.
        DataError for another shape, type or range, and for NaN.
        """
        from securemnist.data.tensors import data_set

        return data_set(images, labels, name=name, training=training)

    @property
    def pinned(self) -> bool:
        return self.digests == PINNED

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the test split, which a policy may require."""
        return self.test.digest

    @cached_property
    def copies(self) -> Copies:
        """Copies in the test split, by equal pixels; a split used as the test split is excluded."""
        splits = [split for split in (self.train, self.tuning) if split is not self.test]
        training = {content for split in splits for content in split.contents()}
        test = self.test.contents()
        known = sum(content in training for content in test)
        return Copies(known, len(test) - len(set(test)), len(test))

    def to_json(self) -> dict[str, Any]:
        """The entry of the data in an assessment."""
        return {"name": self.name, "sha256": self.digest, "digests": self.digests}


def load(folder: Path | None = None) -> DataSet:
    """The data set in `folder`, or the bundled MNIST.

    DataError of one sentence for a missing, truncated, changed or malformed file.
    """
    builtin = folder is None
    source = resources.MNIST if folder is None else folder
    contents = {name: idx_files.read(source, name) for name in PINNED}
    digests = {name: idx_files.digest(content) for name, content in contents.items()}
    if builtin:
        for name, digest in digests.items():
            if digest != PINNED[name]:
                raise DataError(
                    f"{source / name}: expected SHA-256 {PINNED[name][:12]}..., got "
                    f"{digest[:12]}...; the file was altered, {idx_files.ADVICE}"
                )
    for split in FILES:
        idx_files.check_form(source, contents, *FILES[split])
    idx_files.check_distinct(source / FILES["test"][0], contents[FILES["test"][0]][16:])
    training, test = (_digits(contents, split) for split in ("train", "test"))
    held_out = min(5_000, len(training) // 12)
    cut = len(training) - held_out
    name = "MNIST" if builtin else source.resolve().name
    return DataSet(name, training[:cut], training[cut:], test, digests)


def _digits(contents: dict[str, bytes], split: str) -> Digits:
    images, labels = FILES[split]
    pixels = np.frombuffer(contents[images], np.uint8, offset=16).reshape(-1, 28, 28)
    classes = np.frombuffer(contents[labels], np.uint8, offset=8).astype(np.int64)
    return Digits(torch.from_numpy(pixels.copy()), torch.from_numpy(classes))


def check_torchvision(data: DataSet) -> None:
    """DataError if torchvision's MNIST class reads other images or labels, or raises.

    The files are written to a new private folder, which is removed afterwards, so that no other user can
    replace them. Only training does this check: importing torchvision takes longer than reading the
    files.
    """
    training = Digits(
        torch.cat([data.train.pixels, data.tuning.pixels]),
        torch.cat([data.train.labels, data.tuning.labels]),
    )
    splits = {"train": training, "test": data.test}
    with _private_folder() as root:
        raw = root / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for split, digits in splits.items():
            images, labels = FILES[split]
            (raw / images).write_bytes(idx_files.dumps(digits.pixels.numpy()))
            (raw / labels).write_bytes(idx_files.dumps(digits.labels.numpy()))
        for split, digits in splits.items():
            _check_reader(root, split, digits)


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    """A temporary folder that only this user can read; DataError if it cannot be written."""
    try:
        with tempfile.TemporaryDirectory(prefix="securemnist-") as name:
            yield Path(name)
    except OSError as error:
        raise DataError(
            f"{error.filename or tempfile.gettempdir()}: expected room for temporary files, got "
            f"{error.strerror}; free some, or set TMPDIR to another folder"
        ) from error


def _check_reader(root: Path, split: str, digits: Digits) -> None:
    try:
        theirs = torchvision().MNIST(str(root), train=split == "train", download=False)
        same = torch.equal(theirs.data, digits.pixels) and torch.equal(
            theirs.targets, digits.labels
        )
    except (RuntimeError, ValueError, AssertionError):  # torchvision has no specific error
        same = False
    if not same:
        raise DataError(
            f"expected torchvision to read the verified {split} digits, got others or none; "
            "install the torchvision that belongs to your torch"
        )
