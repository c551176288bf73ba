"""NPZ file: arrays `x_test`, `y_test`, and optionally `x_train`, `y_train`, as NumPy's `savez` writes.

Pickles are never read. Large uncompressed images of bytes stay in the file and are memory-mapped;
others are read in pieces.
"""

from __future__ import annotations

import mmap
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import torch

from securemnist._util.files import open_regular
from securemnist.data.array_member import Member, members
from securemnist.data.assembly import MOST_IMAGES, Splits
from securemnist.data.description import Description
from securemnist.data.layout import Layout, channels_first
from securemnist.data.samples import Samples, pieces
from securemnist.data.storage import IN_MEMORY, Storage
from securemnist.data.tensors import as_numbers, check_range
from securemnist.errors import DataError
from securemnist.types import Labels, Progress

_LARGEST_COMPRESSED = 4 << 30  # bytes after decompression
_FORM = "pixels as uint8, or floats in [0, 1]"


def read(path: Path, described: Description, progress: Progress) -> Splits:
    """The splits in an .npz file; DataError where an array is missing, malformed or of another type."""
    try:
        with open_regular(path) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            found = members(file, path)
            missing = [name for name in ("x_test", "y_test") if name not in found]
            if missing or ("x_train" in found) != ("y_train" in found):
                raise DataError(
                    f"{path}: expected x_test and y_test, and x_train with y_train or neither, got "
                    f"{', '.join(sorted(found)[:6]) or 'none'}; name the arrays so"
                )
            splits = [
                _samples(file, path, found, split, described.layout, progress)
                for split in ("test", "train")
                if f"x_{split}" in found
            ]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DataError(
            f"{path}: expected a whole .npz file, got {error!s:.200}; write it again with numpy.savez"
        ) from error
    except OSError as error:
        raise DataError(
            f"{path}: expected an .npz file, got {error.strerror}; name another"
        ) from error
    return Splits.of(splits, described.class_names)


def _samples(
    file: IO[bytes],
    path: Path,
    found: dict[str, Member],
    split: str,
    layout: Layout | None,
    progress: Progress,
) -> Samples:
    images, labels = found[f"x_{split}"], found[f"y_{split}"]
    where = f"{path}: x_{split}"
    if not (images.dtype == np.uint8 or images.dtype.kind == "f") or not images.size:
        raise DataError(
            f"{where}: expected {_FORM}, at least one, got {images.dtype} {images.shape}; convert them"
        )
    # Refuses another shape before anything is read.
    channels_first(torch.empty(images.shape, device="meta"), layout, where)
    classes = _labels(labels, len(images), f"{path}: y_{split}")
    if images.compressed and images.size > _LARGEST_COMPRESSED:
        raise DataError(
            f"{where}: expected at most {_LARGEST_COMPRESSED >> 30} GiB of compressed images, got "
            f"{images.size:,} bytes; write them with numpy.savez, which does not compress"
        )
    if images.dtype == np.uint8 and not images.compressed and images.size > IN_MEMORY:
        mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        array = np.frombuffer(mapping, np.uint8, images.size, images.offset(file))
        pixels = channels_first(torch.from_numpy(array.reshape(images.shape)), layout, where)
        return Samples(pixels, classes, mapping)
    storage = Storage(len(images))
    for part in _parts(images):
        pixels = channels_first(torch.from_numpy(part), layout, where)
        if pixels.is_floating_point():
            check_range(pixels, _FORM, f"{where}: ")
        storage.add(pixels.contiguous(), where)
        progress(f"reading x_{split}", storage.filled, len(images))
    return storage.samples(classes)


def _parts(member: Member) -> Iterator[np.ndarray]:
    """The images of an array in order, some at a time, as uint8 or float32."""
    item = member.size // len(member)
    with member.open() as stream:
        for start, end in pieces(len(member), item):
            part = np.frombuffer(member.take(stream, (end - start) * item), member.dtype)
            part = part.reshape(end - start, *member.shape[1:])
            with np.errstate(over="ignore"):  # infinity is refused later
                values = part.copy() if part.dtype == np.uint8 else part.astype(np.float32)
            yield values


def _labels(member: Member, n: int, where: str) -> Labels:
    form = f"{n:,} labels as integers (n,)"
    if n > MOST_IMAGES or member.shape not in ((n,), (n, 1)) or member.dtype.kind not in "iu":
        advice = as_numbers(member.dtype)
        if len(member.shape) > 1:
            advice = "convert one-hot labels with argmax(1)"
        elif member.dtype.kind in "iu":
            advice = "write one label an image"
        raise DataError(f"{where}: expected {form}, got {member.dtype} {member.shape}; {advice}")
    with member.open() as stream:
        values = np.frombuffer(member.take(stream, member.size), member.dtype).reshape(n)
    if values.dtype.kind == "u" and int(values.max()) > np.iinfo(np.int64).max:
        raise DataError(f"{where}: expected {form}, got {values.max()}; fix them")
    return torch.from_numpy(values.astype(np.int64))
