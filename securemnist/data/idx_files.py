"""IDX files: read, unpacked where they are compressed, and held to their form."""

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
# The files of two data sets.
_KEPT = 8


def read(folder: Path, name: str) -> bytes:
    """The uncompressed content of one file, which may be there plain, compressed or both."""
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
    """What to do where the data lies there under another name, as other tools store it; "" if not."""
    for raw in (folder / "MNIST" / "raw", folder / "raw"):  # a root of torchvision, or MNIST in it
        if any((raw / f"{name}{end}").is_file() for end in ("", ".gz")):
            return f"torchvision keeps its files in {raw}: name that folder"
    dotted = name.replace("-idx", ".idx")  # as Kaggle names them
    for found in (folder / dotted, folder / f"{dotted}.gz", folder / dotted / dotted):
        if found.is_file():
            return f"rename {found} to {name}{found.suffix if found.suffix == '.gz' else ''}"
    if any(folder.glob("*.csv")):
        return "a CSV file is not read: docs/data.md shows how arrays become these files"
    return ""


def _content(path: Path) -> bytes | None:
    """The uncompressed content of a file; None where there is none."""
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


# A process asks more than once: a user's factory does, and both sides of a comparison. The files are
# read anew every time; equal bytes are unpacked and digested once.
@functools.lru_cache(maxsize=_KEPT)
def _unzipped(packed: bytes) -> bytes:
    return gunzip(packed, MAX_BYTES)


def dumps(array: np.ndarray) -> bytes:
    """A uint8 array in the IDX form, which `check_form` describes."""
    header = struct.pack(f">{1 + array.ndim}I", 2048 + array.ndim, *array.shape)
    return header + array.astype(np.uint8).tobytes()


digest = functools.lru_cache(maxsize=_KEPT)(sha256)


def check_form(folder: Path, contents: dict[str, bytes], images: str, labels: str) -> None:
    """IDX headers and sizes of an image file and its label file agree."""

    def demand(holds: bool, name: str, expected: str, got: object) -> None:
        if not holds:
            raise DataError(f"{folder / name}: expected {expected}, got {got}; {ADVICE}")

    picture, label = contents[images], contents[labels]
    demand(len(picture) >= 16, images, "an IDX header of 16 bytes", f"{len(picture)} bytes")
    magic, count, rows, columns = struct.unpack(">4I", picture[:16])
    demand(magic == 2051, images, "IDX magic number 2051 (images of bytes)", magic)
    demand((rows, columns) == (28, 28), images, "grey images of 28x28", f"{rows}x{columns}")
    demand(count > 0, images, "at least one image", count)
    size = 16 + count * 784
    demand(len(picture) == size, images, f"{size} bytes for {count} images", len(picture))
    # What floats in [0, 1] become when they are stored as bytes: black pictures, to the eye.
    brightest = int(np.frombuffer(picture, np.uint8, offset=16).max())
    demand(brightest > 1, images, "a brightness of 0 to 255", f"none above {brightest}")
    demand(len(label) >= 8, labels, "an IDX header of 8 bytes", f"{len(label)} bytes")
    magic, found = struct.unpack(">2I", label[:8])
    demand(magic == 2049, labels, "IDX magic number 2049 (labels of bytes)", magic)
    demand(found == count, labels, f"{count} labels, one an image", found)
    demand(len(label) == 8 + count, labels, f"{8 + count} bytes", len(label))
    highest = max(label[8:])
    demand(highest < CLASSES, labels, "labels 0 to 9", f"a label {highest}")


def check_distinct(path: Path, pixels: bytes) -> None:
    """Test digits that are repeated look like more than they are to every interval; a few do no harm."""
    digits = [pixels[start : start + 784] for start in range(0, len(pixels), 784)]
    distinct = len(set(digits))
    if 10 * distinct < 9 * len(digits):
        raise DataError(
            f"{path}: expected test digits that differ, since every interval counts each for itself, got "
            f"{distinct} different ones among {len(digits)}; leave the repeated ones out"
        )
