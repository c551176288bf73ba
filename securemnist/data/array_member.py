"""Arrays in a ZIP file from outside: directory and headers, checked before an array is read.

Formats: ZIP (PKWARE APPNOTE 6.3.10) and NPY (https://numpy.org/doc/stable/reference/generated/
numpy.lib.format.html).
"""

from __future__ import annotations

import math
import os
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from securemnist.errors import DataError, first_line

NAMES = ("x_test", "y_test", "x_train", "y_train")
_MAX_DIRECTORY = 1 << 20  # bytes
_MAX_HEADER = 10_000  # characters
_END, _END_LOCATOR, _END_64 = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
_LOCAL_HEADER = 30  # bytes, before name and extra field


@dataclass(frozen=True)
class Member:
    """One array: where its file lies in the archive, and the shape and type that its header states."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    shape: tuple[int, ...]
    dtype: np.dtype
    header: int

    def __len__(self) -> int:
        return self.shape[0] if self.shape else 0

    @property
    def size(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * int(self.dtype.itemsize)

    @property
    def compressed(self) -> bool:
        """Whether the bytes in the archive are not those of the array."""
        return self.info.compress_type != zipfile.ZIP_STORED

    def open(self) -> IO[bytes]:
        """The bytes of the array, behind its header."""
        stream = self.archive.open(self.info)
        stream.read(self.header)
        return stream

    @staticmethod
    def take(stream: IO[bytes], size: int) -> bytes:
        """Exactly `size` bytes; EOFError where the stream ends before."""
        content = stream.read(size)
        if len(content) != size:
            raise EOFError("an array that ends early")
        return content

    def offset(self, file: IO[bytes]) -> int:
        """The place in the file of an uncompressed array; EOFError where the file ends before it does."""
        file.seek(self.info.header_offset)
        name, extra = struct.unpack("<26x2H", file.read(_LOCAL_HEADER))
        start: int = self.info.header_offset + _LOCAL_HEADER + name + extra + self.header
        if start + self.size > os.fstat(file.fileno()).st_size:
            raise EOFError("an array that ends early")
        return start


def members(file: IO[bytes], path: Path) -> dict[str, Member]:
    """The arrays by name; those of other names are not read. DataError for one that is not plain."""
    if _directory_size(file) > _MAX_DIRECTORY:
        raise DataError(
            f"{path}: expected a few arrays, got a directory of over {_MAX_DIRECTORY >> 20} MiB; write "
            "x_test and y_test alone"
        )
    archive = zipfile.ZipFile(file)
    found: dict[str, Member] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name not in NAMES:
            continue
        where = f"{path}: {name}"
        if name in found or info.flag_bits & 1 or info.compress_type not in (0, 8):
            raise DataError(
                f"{where}: expected one array as numpy.savez writes it, got one twice, encrypted or "
                "packed in another way; write it again"
            )
        found[name] = _member(archive, info, where)
    return found


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> Member:
    with archive.open(info) as stream:
        try:
            version = np.lib.format.read_magic(stream)
            header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, fortran, dtype = header(stream, max_header_size=_MAX_HEADER)
        except Exception as error:  # NumPy's parser of headers raises errors of many classes
            raise DataError(
                f"{where}: expected a NumPy array, got {type(error).__name__} "
                f"({first_line(error):.100}); write it again with numpy.savez"
            ) from error
        begin = stream.tell()
    if dtype.hasobject:
        raise DataError(
            f"{where}: expected numbers, got Python objects, whose pickles can run code and are not "
            "read; convert them to numbers"
        )
    member = Member(archive, info, shape, dtype, begin)
    plain = all(type(side) is int and side >= 0 for side in shape)  # NumPy's parser lets True pass
    if not plain or begin + member.size != info.file_size:
        raise DataError(
            f"{where}: expected {member.size:,} bytes for {dtype} {shape}, got "
            f"{info.file_size - begin:,}; write it again with numpy.savez"
        )
    if fortran:
        raise DataError(
            f"{where}: expected an array in C order, got Fortran order; write "
            "numpy.ascontiguousarray of it"
        )
    return member


def _directory_size(file: IO[bytes]) -> int:
    """Bytes of the archive's directory, which zipfile reads as a whole; 0 where there is none."""
    size = file.seek(0, os.SEEK_END)
    begin = file.seek(max(0, size - (1 << 16) - 22))
    tail = file.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) < place + 22:
        return 0
    directory: int
    large: int
    (directory,) = struct.unpack_from("<I", tail, place + 12)
    locator = place - 20
    if locator >= 0 and tail[locator : locator + 4] == _END_LOCATOR:
        file.seek(max(0, begin + locator - 56))
        record = file.read(56)
        if record[:4] == _END_64:
            (large,) = struct.unpack_from("<Q", record, 40)
            directory = max(large, 0 if directory == 0xFFFFFFFF else directory)
    return directory
