"""Binary files of CIFAR-10 and CIFAR-100 (https://www.cs.toronto.edu/~kriz/cifar.html).

A record is one label byte (CIFAR-100: a coarse one, which is ignored, and a fine one) and 3x32x32 bytes.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import torch

from securemnist._util.files import read_or_raise
from securemnist.data.assembly import Splits
from securemnist.data.description import Description
from securemnist.data.samples import Samples
from securemnist.errors import DataError
from securemnist.types import Progress

_MAX_BYTES = 512 << 20
_MAX_NAMES = 1 << 16  # bytes of a file of class names
_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32
_ADVICE = "copy it from CIFAR's binary version again"
_TRAINING = "data_batch_*.bin"
_TEN, _HUNDRED = ("test_batch.bin", "batches.meta.txt"), ("test.bin", "fine_label_names.txt")


def is_folder(path: Path) -> bool:
    """Whether a folder has the test images of CIFAR-10 or CIFAR-100, or training images of CIFAR-10."""
    tested = any((path / name).exists() for name, _ in (_TEN, _HUNDRED))
    return tested or any(path.glob(_TRAINING))


def read(folder: Path, described: Description, progress: Progress) -> Splits:
    """The splits of a folder; classes are named by the text file beside the images."""
    is_ten = (folder / _TEN[0]).exists() or not (folder / _HUNDRED[0]).exists()
    test, names_file = _TEN if is_ten else _HUNDRED
    training = _batches(folder) if is_ten else [folder / "train.bin"]
    present = [path for path in training if is_ten or path.exists()]
    label_bytes = 1 if is_ten else 2
    names = described.class_names or _names(folder / names_file)
    known = [_samples(path, label_bytes) for path in present]
    tested = _samples(folder / test, label_bytes)
    progress("reading images", 1, 1)
    return Splits(tested, Samples.joined(known) if known else None, names)


def _batches(folder: Path) -> list[Path]:
    """The files of training images; DataError where one of a lower number is missing."""
    paths = sorted(folder.glob(_TRAINING))
    ends = [path.stem.rpartition("_")[2] for path in paths]
    numbers = {int(end) for end in ends if end.isdecimal()}
    missing = next(k for k in itertools.count(1) if k not in numbers)
    if missing <= len(numbers):
        raise DataError(
            f"{folder}: expected data_batch_{missing}.bin, since {paths[-1].name} exists, got none; "
            f"{_ADVICE}"
        )
    return paths


def _samples(path: Path, label_bytes: int) -> Samples:
    content = read_or_raise(path, _MAX_BYTES, "a whole file", DataError, _ADVICE)
    record = label_bytes + _PIXELS
    if not content or len(content) % record:
        raise DataError(
            f"{path}: expected records of {record:,} bytes, got {len(content):,} bytes; {_ADVICE}"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, record)
    labels = torch.from_numpy(records[:, label_bytes - 1].astype(np.int64))
    pixels = records[:, label_bytes:].reshape(-1, *_SHAPE)
    return Samples(torch.from_numpy(pixels.copy()), labels)


def _names(path: Path) -> tuple[str, ...]:
    try:
        text = read_or_raise(path, _MAX_NAMES, "a whole file", DataError, _ADVICE).decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected class names as UTF-8 text, got other bytes; {_ADVICE}"
        ) from error
    return tuple(line.strip() for line in text.splitlines() if line.strip())
