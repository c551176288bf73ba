"""Storage: pixels of a set that is read image by image, in memory or in a private file."""

from __future__ import annotations

import math
import mmap
import os
import tempfile

import numpy as np
import torch

from securemnist.data.samples import Samples, as_bytes, as_images
from securemnist.errors import DataError
from securemnist.input_spec import LARGEST_SIDE, SMALLEST_SIDE
from securemnist.types import Labels

# Larger sets are memory-mapped.
IN_MEMORY = 512 << 20
# Written pages are released after this many bytes.
_RELEASE = 64 << 20


class Storage:
    """Room for the pixels of `n` images of one shape: bytes, or float32 where bytes would change one.

    Above 512 MiB the pixels are in a temporary file without a name, in the folder of TMPDIR. Images
    with three channels turn earlier grey ones into colour, and later grey ones are turned, too.
    """

    def __init__(self, n: int) -> None:
        self.n, self.filled, self._unreleased = n, 0, 0
        self._pixels = torch.empty(0, dtype=torch.uint8)
        self._mapping: mmap.mmap | None = None

    def add(self, images: torch.Tensor, where: str) -> None:
        """Append images (k, C, H, W), uint8 or float32 in [0, 1]; DataError for another shape."""
        if images.is_floating_point():
            coarse, exact = as_bytes(images)
            images = coarse if bool(exact.all()) else images
        room = self._room_for(images, where)
        if room.is_floating_point() and not images.is_floating_point():
            images = as_images(images)
        end = self.filled + len(images)
        room[self.filled : end] = images  # a grey image fills all channels
        self.filled = end
        self._unreleased += images.numel() * images.element_size()
        if self._unreleased > _RELEASE:
            self._release()

    def samples(self, labels: Labels) -> Samples:
        """What was added so far, with these labels, int64 (n,)."""
        return Samples(self._pixels[: self.filled], labels, self._mapping)

    def _release(self) -> None:
        """Free the memory of what was written; the file keeps it."""
        self._unreleased = 0
        if self._mapping is not None:
            self._mapping.madvise(mmap.MADV_DONTNEED)

    def _room_for(self, images: torch.Tensor, where: str) -> torch.Tensor:
        """The room, rebuilt where these images need channels or precision that it lacks."""
        shape, dtype = tuple(images.shape[1:]), images.dtype
        if not self.filled:
            _check_sides(shape, where)
            self._pixels, self._mapping = _room((self.n, *shape), dtype)
            return self._pixels
        stored, kept = tuple(self._pixels.shape[1:]), self._pixels.dtype
        if shape[1:] != stored[1:] or (shape[0] != stored[0] and {shape[0], stored[0]} != {1, 3}):
            raise DataError(
                f"{where}: expected {_size(stored)} like the images before it, got {_size(shape)}; make "
                "them equal, or set `resize` for pictures (docs/data.md)"
            )
        channels, wider = max(shape[0], stored[0]), torch.promote_types(kept, dtype)
        if channels != stored[0] or wider != kept:
            old = self.samples(torch.zeros(self.filled, dtype=torch.int64))
            self._pixels, self._mapping = _room((self.n, channels, *shape[1:]), wider)
            start = 0
            for chunk in old.chunks():
                self._pixels[start : start + len(chunk)] = (
                    as_images(chunk) if wider.is_floating_point else chunk
                )
                start += len(chunk)
                self._release()
        return self._pixels


def _check_sides(shape: tuple[int, ...], where: str) -> None:
    """DataError for an image of other sides than an input specification allows."""
    if not all(SMALLEST_SIDE <= side <= LARGEST_SIDE for side in shape[1:]):
        raise DataError(
            f"{where}: expected sides of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels, got {_size(shape)}; "
            "set `resize` for pictures (docs/data.md), or resize the images"
        )


def _room(shape: tuple[int, ...], dtype: torch.dtype) -> tuple[torch.Tensor, mmap.mmap | None]:
    size = math.prod(shape) * dtype.itemsize
    if size <= IN_MEMORY:
        return torch.empty(shape, dtype=dtype), None
    try:
        with tempfile.TemporaryFile(prefix="securemnist-") as file:
            # Reserved, so that a full disk is an error here and not a signal on writing.
            os.posix_fallocate(file.fileno(), 0, size)
            mapping = mmap.mmap(file.fileno(), size)
    except OSError as error:
        raise DataError(
            f"{tempfile.gettempdir()}: expected {size >> 20:,} MiB for decoded images, got "
            f"{error.strerror}; free some, or set TMPDIR to another folder"
        ) from error
    array = np.frombuffer(mapping, np.dtype(str(dtype).removeprefix("torch.")))
    return torch.from_numpy(array.reshape(shape)), mapping


def _size(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{channels} channels of {height}x{width} pixels"
