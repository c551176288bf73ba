"""Small data sets as IDX files."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from securemnist import data

TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = data.PINNED
TRAIN, TEST = 24, 8


def idx(array: np.ndarray[Any, Any]) -> bytes:
    """An array of bytes in the IDX form."""
    return struct.pack(f">{1 + array.ndim}I", 2048 + array.ndim, *array.shape) + array.tobytes()


def small_set() -> dict[str, bytes]:
    """The four files of a small data set of random images."""
    rng = np.random.default_rng(0)
    files = {}
    for count, images, labels in [(TRAIN, TRAIN_IMAGES, TRAIN_LABELS), (TEST, *data.FILES["test"])]:
        files[images] = idx(rng.integers(0, 256, (count, 28, 28), np.uint8))
        files[labels] = idx(rng.integers(0, 10, count, np.uint8))
    return files


def settings(folder: Path) -> str:
    """The text of a pyproject.toml that names the data set in `folder`."""
    return f"[tool.securemnist]\ndata = '{folder}'\n"


def write(folder: Path, train: data.Samples, test: data.Samples) -> None:
    """Write a data set of these images into `folder`."""
    for split, samples in (("train", train), ("test", test)):
        images, labels = data.FILES[split]
        (folder / images).write_bytes(idx(samples.pixels.squeeze(1).numpy()))
        (folder / labels).write_bytes(idx(samples.labels.numpy().astype(np.uint8)))
