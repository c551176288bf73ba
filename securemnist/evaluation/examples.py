"""Adversarial examples of one measurement: places in the test set, and images.

Stored as a compressed npz of two arrays. A file from outside is untrusted until every check has
passed. No pickle is read, and the unpacked size is at most one image for each test image.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from securemnist.errors import DataError

MAX_BYTES = 256 << 20
_HEADER = 1 << 12  # the header of an npy member, or the list of members, generously
_END = struct.Struct("<4s4H2LH")  # the last record of a zip archive
_MEMBERS: dict[str, np.dtype[Any]] = {"places": np.dtype("<i8"), "images": np.dtype("<f4")}
_ADVICE = "assess that model again, or name another folder"


@dataclass(frozen=True, eq=False)
class Examples:
    """One adversarial image for each broken test image.

    `places` int64 (n,) in the test set, strictly rising. `images` float32 (n, C, H, W) in [0, 1],
    not rounded to bytes, so that they stay within their threat.
    """

    places: np.ndarray
    images: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def dumps(self) -> bytes:
        """The npz file; equal examples give equal bytes."""
        file = io.BytesIO()
        places, images = self.places.astype("<i8"), self.images.astype("<f4")
        np.savez_compressed(file, places=places, images=images)
        return file.getvalue()

    @classmethod
    def loads(
        cls, content: bytes, *, name: str, total: int, shape: tuple[int, int, int]
    ) -> Examples:
        """The inverse of `dumps` for a test set of `total` images of this shape; DataError for others."""
        try:
            arrays = _unpacked(content, total, {"places": (), "images": shape})
        except Exception as error:  # any error of the parsers means that the file is malformed
            raise DataError(
                f"{name}: expected stored adversarial examples, got {error!s:.120}; {_ADVICE}"
            ) from error
        places, images = arrays["places"], arrays["images"]
        if len(places) != len(images):
            raise DataError(
                f"{name}: expected a place for each image, got {len(places)} for {len(images)}; {_ADVICE}"
            )
        rising = bool((places[1:] > places[:-1]).all())
        if len(places) and not (rising and places[0] >= 0 and places[-1] < total):
            raise DataError(f"{name}: expected rising places below {total}, got others; {_ADVICE}")
        return cls(places, images)


def _unpacked(
    content: bytes, total: int, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, np.ndarray]:
    """The arrays by name; ValueError, or an error of zipfile or numpy, for a malformed archive."""
    _check_directory(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sorted(archive.namelist()) != sorted(f"{name}.npy" for name in _MEMBERS):
            raise ValueError("other members")
        return {name: _array(archive, name, total, shapes[name]) for name in _MEMBERS}


def _check_directory(content: bytes) -> None:
    """Raise ValueError unless the archive ends with a directory of two members.

    zipfile alone would accept any directory. numpy writes no comment and no ZIP64 record, which
    could name another directory.
    """
    record = content[-_END.size :]
    if len(record) < _END.size or content[-_END.size - 20 :][:4] == b"PK\6\7":
        raise ValueError("no archive as numpy writes it")
    signature, _, _, _, count, size, _, comment = _END.unpack(record)
    if signature != b"PK\5\6" or comment or count != len(_MEMBERS) or size > _HEADER:
        raise ValueError("no archive as numpy writes it")


def _array(archive: zipfile.ZipFile, name: str, total: int, shape: tuple[int, ...]) -> np.ndarray:
    kind = _MEMBERS[name]
    limit = _HEADER + total * kind.itemsize * int(np.prod(shape))
    with archive.open(f"{name}.npy") as member:
        # The declared size of a member is not trusted: at most `limit` bytes are unpacked.
        content = member.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"more than {total} {name}")
    file = io.BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("another version of npy")
    stored, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    data = content[file.tell() :]
    fits = dtype == kind and stored[1:] == shape and len(stored) == len(shape) + 1 and not fortran
    # The number of images follows from the bytes present, not from the header.
    if not fits or len(data) != kind.itemsize * int(np.prod(stored, dtype=object)):
        raise ValueError(f"{name} as {dtype} {stored!s:.40}")
    return np.frombuffer(data, kind).reshape(stored)
