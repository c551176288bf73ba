"""Samples: labelled images of a split, in memory or memory-mapped."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch

from securemnist._util.hashing import canonical_json
from securemnist.types import Images, Labels, Progress, silent

# Memory-mapped pixels are read in chunks of this many bytes, so that memory stays bounded.
_CHUNK = 32 << 20
_BYTE_LABELS = 256


@dataclass(frozen=True)
class Samples:
    """Labelled images: `pixels` uint8 (n, C, H, W), or float32 in [0, 1]; `labels` int64 (n,).

    `mapping`: the file that holds the pixels of a large set, of which only chunks are in memory. Changes
    of memory-mapped pixels may be lost; clone them first.
    """

    pixels: torch.Tensor
    labels: Labels
    mapping: mmap.mmap | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"<Samples: {len(self):,} images>"

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | torch.Tensor) -> Samples:
        if not isinstance(index, slice):  # a copy of these images
            return Samples(self.pixels[index], self.labels[index])
        part = Samples(self.pixels[index], self.labels[index], self.mapping)
        if "contents" in vars(self):
            vars(part)["contents"] = self.contents[index]
        return part

    @classmethod
    def joined(cls, parts: Sequence[Samples]) -> Samples:
        """The samples of all parts, in their order; floats where the pixels of one part are."""
        pixels = [part.pixels for part in parts]
        if len({each.dtype for each in pixels}) > 1:
            pixels = [part.images() for part in parts]
        return cls(torch.cat(pixels), torch.cat([part.labels for part in parts]))

    def spread(self, n: int) -> Samples:
        """At most `n` samples at even distances, since files may be sorted by class."""
        places = torch.linspace(0, len(self) - 1, min(n, len(self))).round().long()
        return self[places]

    def images(self) -> Images:
        """Float32 (n, C, H, W) in [0, 1]."""
        return as_images(self.pixels)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of shape, pixels and labels, whatever files they were read from.

        The shape is JSON: [n, H, W] for one channel, else [n, C, H, W]; with "float32" at its end for
        pixels of that type. Labels are bytes, or int64 (little-endian) where one is above 255.
        """
        return self._scan(silent, digest=True)[0]

    @cached_property
    def contents(self) -> list[bytes]:
        """The SHA-256 of the pixels of each image, to find copies.

        An image has the same one as bytes and as floats that are whole 255ths.
        """
        return self._scan(silent, contents=True)[1]

    def read(self, progress: Progress = silent) -> None:
        """Compute `digest` and `contents` in one pass over the pixels, and keep them."""
        digest, contents = self._scan(progress, digest=True, contents=True)
        vars(self).update(digest=digest, contents=contents)

    def chunks(self) -> Iterator[torch.Tensor]:
        """The pixels in order, some images at a time; the memory of a mapping is released after each."""
        item = self.pixels[:1].numel() * self.pixels.element_size()
        for start, end in pieces(len(self), item):
            yield self.pixels[start:end]
            if self.mapping is not None:
                self.mapping.madvise(mmap.MADV_DONTNEED)

    def _scan(
        self, progress: Progress, *, digest: bool = False, contents: bool = False
    ) -> tuple[str, list[bytes]]:
        whole, each = hashlib.sha256(self._form()), list[bytes]()
        for chunk in self.chunks():
            pixels = chunk.contiguous()
            if digest:
                whole.update(pixels.numpy().data)
            if contents:
                each += _contents(pixels)
            if self.mapping is not None:
                progress("reading images", len(each), len(self))
        if digest:
            whole.update(self._label_bytes())
        return whole.hexdigest(), each

    def _form(self) -> bytes:
        shape = self.pixels.shape
        form: list[object] = [*shape] if shape[1] != 1 else [shape[0], *shape[2:]]
        if self.pixels.is_floating_point():
            form.append("float32")
        return canonical_json(form).encode()

    def _label_bytes(self) -> bytes:
        if not len(self) or int(self.labels.max()) < _BYTE_LABELS:
            return self.labels.to(torch.uint8).numpy().tobytes()
        return self.labels.numpy().astype("<i8").tobytes()


def pieces(n: int, item: int) -> Iterator[tuple[int, int]]:
    """Start and end of runs of `n` items of `item` bytes, about 32 MiB each."""
    step = max(1, _CHUNK // max(1, item))
    for start in range(0, n, step):
        yield start, min(n, start + step)


def as_images(pixels: torch.Tensor) -> Images:
    """Pixels (n, C, H, W), uint8 or float32 in [0, 1], as new float32 images in [0, 1]."""
    pixels = pixels.contiguous()
    return pixels.clone() if pixels.is_floating_point() else pixels.float().div_(255)


def as_bytes(images: Images) -> tuple[torch.Tensor, torch.Tensor]:
    """Images as uint8 (n, C, H, W), and a mask (n,) of those that this does not change."""
    coarse = (images * 255).round().to(torch.uint8)
    return coarse, (as_images(coarse) == images).flatten(1).all(1)


def _contents(pixels: torch.Tensor) -> Iterator[bytes]:
    rows = pixels.flatten(1)
    if not pixels.is_floating_point():
        return (hashlib.sha256(row.data).digest() for row in rows.numpy())
    coarse, exact = as_bytes(pixels)
    choices = zip(coarse.flatten(1).numpy(), rows.numpy(), exact.tolist(), strict=True)
    return (hashlib.sha256((few if same else row).data).digest() for few, row, same in choices)
