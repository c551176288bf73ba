"""Comparison of IDX files with torchvision's reader."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from securemnist._util.torchvision_shim import torchvision
from securemnist.data import idx_files
from securemnist.data.dataset import FILES, PINNED, DataSet
from securemnist.data.samples import Samples
from securemnist.errors import DataError


def check_torchvision(data: DataSet) -> None:
    """DataError if torchvision's MNIST class reads other images or labels, or raises.

    Only grey images of IDX files are compared; torchvision has no reader for the other forms. The files
    are written to a new private folder, which is removed afterwards, so that no other user can replace
    them. Only training does this check: importing torchvision takes longer than reading the files.
    """
    if data.digests.keys() != PINNED.keys() or data.spec.channels != 1:
        return
    splits = {"train": data.training_images(), "test": data.test}
    with _private_folder() as root:
        raw = root / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for split, samples in splits.items():
            images, labels = FILES[split]
            (raw / images).write_bytes(idx_files.dumps(samples.pixels.squeeze(1).numpy()))
            (raw / labels).write_bytes(idx_files.dumps(samples.labels.numpy()))
        for split, samples in splits.items():
            _check_reader(root, split, samples)


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


def _check_reader(root: Path, split: str, samples: Samples) -> None:
    try:
        theirs = torchvision().MNIST(str(root), train=split == "train", download=False)
        same = torch.equal(theirs.data, samples.pixels.squeeze(1)) and torch.equal(
            theirs.targets, samples.labels
        )
    except (RuntimeError, ValueError, AssertionError):  # torchvision has no specific error
        same = False
    if not same:
        raise DataError(
            f"expected torchvision to read the verified {split} images, got others or none; "
            "install the torchvision that belongs to your torch"
        )
