"""Adversarial examples of one measurement: which digits fell, and the images that broke them.

Kept as a compressed npz of two arrays. A file from outside is hostile until every check has passed:
no pickle is ever read, and nothing is unpacked beyond what one image for each digit can hold.
"""

from __future__ import annotations

import io
import struct
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np

from securemnist.errors import DataError
from securemnist.types import SHAPE

MAX_BYTES = 256 << 20
_HEADER = 1 << 12  # the header of an npy member, or the list of members, generously
_END = struct.Struct("<4s4H2LH")  # the last record of a zip archive
_MEMBERS: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
    "places": (np.dtype("<i8"), ()),
    "images": (np.dtype("<f4"), SHAPE),
}
_ADVICE = "assess that model again, or name another folder"


@dataclass(frozen=True, eq=False)
class Examples:
    """One image for each fallen digit.

    `places` int64 (n,) in the test set, rising; `images` float32 (n, 1, 28, 28) in [0, 1], not rounded
    to bytes: an image has to be within its threat after loading, too.
    """

    places: np.ndarray
    images: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def dumps(self) -> bytes:
        """The file; equal examples give equal bytes."""
        file = io.BytesIO()
        places, images = self.places.astype("<i8"), self.images.astype("<f4")
        np.savez_compressed(file, places=places, images=images)
        return file.getvalue()

    @classmethod
    def loads(cls, content: bytes, *, name: str, total: int) -> Examples:
        """The inverse of `dumps` for a test set of `total` digits; DataError, naming the file."""
        try:
            arrays = _unpacked(content, total)
        except Exception as error:  # whatever the parsers raise, the file is not to be used
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


def _unpacked(content: bytes, total: int) -> dict[str, np.ndarray]:
    """The arrays by name; ValueError, or what zipfile and numpy raise, for anything unexpected."""
    _check_directory(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sorted(archive.namelist()) != sorted(f"{name}.npy" for name in _MEMBERS):
            raise ValueError("other members")
        return {name: _array(archive, name, total) for name in _MEMBERS}


def _check_directory(content: bytes) -> None:
    """ValueError unless the archive ends with the list of two members: zipfile would read any list.

    What numpy writes has no comment and needs no ZIP64 record, which could name another list.
    """
    record = content[-_END.size :]
    if len(record) < _END.size or content[-_END.size - 20 :][:4] == b"PK\6\7":
        raise ValueError("no archive as numpy writes it")
    signature, _, _, _, count, size, _, comment = _END.unpack(record)
    if signature != b"PK\5\6" or comment or count != len(_MEMBERS) or size > _HEADER:
        raise ValueError("no archive as numpy writes it")


def _array(archive: zipfile.ZipFile, name: str, total: int) -> np.ndarray:
    kind, shape = _MEMBERS[name]
    limit = _HEADER + total * kind.itemsize * int(np.prod(shape))
    with archive.open(f"{name}.npy") as member:
        # What a member says of its size is not believed; so much and no more is unpacked.
        content = member.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"more than {total} {name}")
    file = io.BytesIO(content)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("another version of npy")
    stored, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    data = content[file.tell() :]
    fits = dtype == kind and stored[1:] == shape and len(stored) == len(shape) + 1 and not fortran
    # The header has not made room for anything: what is there decides how many there are.
    if not fits or len(data) != kind.itemsize * int(np.prod(stored, dtype=object)):
        raise ValueError(f"{name} as {dtype} {stored!s:.40}")
    return np.frombuffer(data, kind).reshape(stored)
