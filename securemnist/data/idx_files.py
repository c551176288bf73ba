"""IDX files: reading, decompression and validation."""

from __future__ import annotations

import functools
import struct
from pathlib import Path

import numpy as np

from securemnist._util.files import gunzip, read_at_most
from securemnist._util.hashing import sha256
from securemnist.errors import DataError
from securemnist.types import CLASSES

MAX_BYTES = 256 << 20
ADVICE = "restore it, or name another folder with --data"
# Number of cached files: those of two data sets.
_CACHED = 8


def read(folder: Path, name: str) -> bytes:
    """The uncompressed content of one file, which may exist plain, compressed or both."""
    paths = folder / f"{name}.gz", folder / name
    contents = [content for content in map(_content, paths) if content is not None]
    if not contents:
        hint = _hint(folder, name) or ADVICE
        raise DataError(f"{folder / name}[.gz]: expected a file, got none; {hint}")
    if contents[0] != contents[-1]:
        raise DataError(
            f"{folder / name}[.gz]: expected one file, or the same content in both, got two that "
            f"differ; {ADVICE}"
        )
    return contents[0]


def _hint(folder: Path, name: str) -> str:
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
    """A uint8 array in the IDX format."""
    header = struct.pack(f">{1 + array.ndim}I", 2048 + array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


digest = functools.lru_cache(maxsize=_CACHED)(sha256)


def check_form(folder: Path, contents: dict[str, bytes], images: str, labels: str) -> None:
    """DataError unless headers and sizes of an image file and its label file are valid and agree."""

    def check(holds: bool, name: str, expected: str, got: object) -> None:
        if not holds:
            raise DataError(f"{folder / name}: expected {expected}, got {got}; {ADVICE}")

    image_file, label_file = contents[images], contents[labels]
    check(len(image_file) >= 16, images, "an IDX header of 16 bytes", f"{len(image_file)} bytes")
    magic, count, rows, columns = struct.unpack(">4I", image_file[:16])
    check(magic == 2051, images, "IDX magic number 2051 (images of bytes)", magic)
    check((rows, columns) == (28, 28), images, "grey images of 28x28", f"{rows}x{columns}")
    check(count > 0, images, "at least one image", count)
    size = 16 + count * 784
    check(len(image_file) == size, images, f"{size} bytes for {count} images", len(image_file))
    # Floats in [0, 1] stored as bytes would give values of at most 1.
    brightest = int(np.frombuffer(image_file, np.uint8, offset=16).max())
    check(brightest > 1, images, "a brightness of 0 to 255", f"none above {brightest}")
    check(len(label_file) >= 8, labels, "an IDX header of 8 bytes", f"{len(label_file)} bytes")
    magic, label_count = struct.unpack(">2I", label_file[:8])
    check(magic == 2049, labels, "IDX magic number 2049 (labels of bytes)", magic)
    check(label_count == count, labels, f"{count} labels, one an image", label_count)
    check(len(label_file) == 8 + count, labels, f"{8 + count} bytes", len(label_file))
    highest = max(label_file[8:])
    check(highest < CLASSES, labels, "labels 0 to 9", f"a label {highest}")


def check_distinct(path: Path, pixels: bytes) -> None:
    """DataError if over a tenth of the test images repeat others: intervals assume independence."""
    digits = [pixels[start : start + 784] for start in range(0, len(pixels), 784)]
    distinct = len(set(digits))
    if 10 * distinct < 9 * len(digits):
        raise DataError(
            f"{path}: expected different test digits, since intervals assume independent samples, got "
            f"{distinct} different ones among {len(digits)}; remove the repeated ones"
        )
