"""IDX files: reading, decompression and validation."""

from __future__ import annotations

import functools
import math
import struct
from pathlib import Path

import numpy as np
import torch

from securemnist._util.files import gunzip, read_at_most
from securemnist._util.hashing import sha256
from securemnist.data.layout import Layout, channels_first
from securemnist.errors import DataError
from securemnist.types import Labels

MAX_BYTES = 256 << 20
ADVICE = "restore it, or name another folder with --data"
# Magic numbers of bytes are this plus the number of dimensions.
_BYTES = 2048
_IMAGE_MAGIC = (_BYTES + 3, _BYTES + 4)
# Number of cached files: those of two data sets.
_CACHED = 8


def read(folder: Path, name: str) -> bytes:
    """The uncompressed content of one file, which may exist plain, compressed or both."""
    paths = folder / f"{name}.gz", folder / name
    contents = [content for content in map(_content, paths) if content is not None]
    if not contents:
        advice = hint(folder, name) or ADVICE
        raise DataError(f"{folder / name}[.gz]: expected a file, got none; {advice}")
    if contents[0] != contents[-1]:
        raise DataError(
            f"{folder / name}[.gz]: expected one file, or the same content in both, got two that "
            f"differ; {ADVICE}"
        )
    return contents[0]


def hint(folder: Path, name: str) -> str:
    """Advice if the folder has the data under the names of another tool; else empty."""
    for raw in (folder / "MNIST" / "raw", folder / "raw"):  # a root of torchvision, or MNIST in it
        if any((raw / f"{name}{end}").is_file() for end in ("", ".gz")):
            return f"torchvision keeps its files in {raw}: pass that folder"
    dotted = name.replace("-idx", ".idx")  # as Kaggle names them
    for path in (folder / dotted, folder / f"{dotted}.gz", folder / dotted / dotted):
        if path.is_file():
            return f"rename {path} to {name}{path.suffix if path.suffix == '.gz' else ''}"
    if any(folder.glob("*.csv")):
        return "a CSV file is not read: docs/data.md shows how to write arrays as these files"
    return ""


def _content(path: Path) -> bytes | None:
    """The uncompressed content of a file; None if it does not exist."""
    try:
        content = read_at_most(path, MAX_BYTES)
        if path.suffix == ".gz":
            content = _unzipped(content)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataError(f"{path}: expected a whole file, got {error.strerror}; {ADVICE}") from error
    if len(content) > MAX_BYTES:
        raise DataError(f"{path}: expected at most {MAX_BYTES} bytes unpacked; {ADVICE}")
    return content


# A process may load the data several times (a factory, both sides of a comparison). Files are read each
# time; equal bytes are decompressed and digested once.
@functools.lru_cache(maxsize=_CACHED)
def _unzipped(packed: bytes) -> bytes:
    return gunzip(packed, MAX_BYTES)


def dumps(array: np.ndarray) -> bytes:
    """An IDX file of bytes, from an array of whole numbers in 0 to 255 of any dimensions."""
    header = struct.pack(f">{1 + array.ndim}I", _BYTES + array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


digest = functools.lru_cache(maxsize=_CACHED)(sha256)


def images(path: Path, content: bytes, layout: Layout | None = None) -> torch.Tensor:
    """The images of a file, uint8 (n, C, H, W); DataError unless header and size are valid."""
    check(len(content) >= 16, path, "an IDX header of 16 bytes", f"{len(content)} bytes")
    (magic,) = struct.unpack(">I", content[:4])
    check(magic in _IMAGE_MAGIC, path, "IDX magic number 2051 or 2052 (images of bytes)", magic)
    header = 4 + 4 * (magic - _BYTES)
    check(len(content) >= header, path, f"an IDX header of {header} bytes", f"{len(content)} bytes")
    shape = struct.unpack(f">{magic - _BYTES}I", content[4:header])
    check(shape[0] > 0, path, "at least one image", shape[0])
    size = header + math.prod(shape)
    check(len(content) == size, path, f"{size} bytes for {shape[0]} images", len(content))
    pixels = np.frombuffer(content, np.uint8, offset=header)
    # Floats in [0, 1] stored as bytes would give values of at most 1.
    brightest = int(pixels.max(initial=0))
    check(brightest > 1, path, "a brightness of 0 to 255", f"none above {brightest}")
    tensor = torch.from_numpy(pixels.reshape(shape).copy())
    return channels_first(tensor, layout, str(path)).contiguous()


def labels(path: Path, content: bytes, n: int) -> Labels:
    """The labels of `n` images, int64 (n,); DataError unless header and size are valid."""
    check(len(content) >= 8, path, "an IDX header of 8 bytes", f"{len(content)} bytes")
    magic, count = struct.unpack(">2I", content[:8])
    check(magic == _BYTES + 1, path, "IDX magic number 2049 (labels of bytes)", magic)
    check(count == n, path, f"{n} labels, one an image", count)
    check(len(content) == 8 + n, path, f"{8 + n} bytes", len(content))
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=8).astype(np.int64))


def check(holds: bool, path: Path, expected: str, got: object) -> None:
    """DataError about the file unless the condition holds."""
    if not holds:
        raise DataError(f"{path}: expected {expected}, got {got}; {ADVICE}")
