"""Pictures and arrays of small data sets, written as files."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 12


def random_pixels(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Random bytes of this shape."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def png(pixels: np.ndarray[Any, Any], **options: Any) -> bytes:
    """Pixels (H, W) or (H, W, C) as the content of a PNG file."""
    return encoded(Image.fromarray(pixels), "PNG", **options)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture as the content of a file of this format."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture_folder(folder: Path, *, channels: int = 3, test: int = 4, train: int = 0) -> Path:
    """A folder of pictures with two classes, `cat` and `dog`, and these numbers a class."""
    for split, count in (("test", test), ("train", train)):
        for number in range(2 * count):
            place = folder / split / ("cat", "dog")[number % 2] / f"{number:03}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            shape = (SIDE, SIDE, channels) if channels > 1 else (SIDE, SIDE)
            place.write_bytes(png(random_pixels(*shape, seed=number + 1_000 * (split == "train"))))
    return folder


def npz(path: Path, *, compressed: bool = False, **arrays: Any) -> Path:
    """Arrays as an .npz file; bytes are the content of a member."""
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            if isinstance(array, bytes):
                content.write(array)
            else:
                np.save(content, array, allow_pickle=True)
            archive.writestr(f"{name}.npy", content.getvalue())
    return path
