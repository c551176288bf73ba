"""ZIP archives, read strictly: what two readers could understand differently is a problem.

Scanners, Python and torch find members in different ways: by the directory at the end, by the headers in
between, with or without checksums, flags and case. An archive passes only where all ways agree: the
headers lie one behind the other from the first byte to the directory, and say the same as the directory.
Layout: APPNOTE.TXT of PKWARE, version 6.3.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from securemnist.foreign.outcome import Reason, unknown

MAX_MEMBERS = 50_000
MAX_UNPACKED = 512 << 20
_LOCAL, _ENTRY, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_END64, _LOCATOR, _DESCRIPTOR = b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08"
_STORED, _DEFLATED = 0, 8
_DESCRIBED, _UTF8 = 1 << 3, 1 << 11
_FULL = 0xFFFFFFFF


@dataclass(frozen=True)
class Member:
    """A member: its name, its unpacked bytes, and whether it was stored without compression."""

    name: str
    content: bytes
    stored: bool


@dataclass(frozen=True)
class Layout:
    """The members of an archive that could be read, and the problems of the archive."""

    members: tuple[Member, ...]
    problems: tuple[Reason, ...]

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.members]


class _Bad(ValueError):
    """An archive that has no single meaning."""


@dataclass(frozen=True)
class _Entry:
    """An entry of the directory."""

    raw: bytes
    flags: int
    method: int
    checksum: int
    packed: int
    size: int
    offset: int

    @property
    def name(self) -> str:
        return self.raw.decode("utf-8", "backslashreplace")


def read(content: bytes) -> Layout:
    """The layout of an archive; nothing that is read here is trusted by its name or size."""
    problems: list[Reason] = []
    try:
        entries, directory = _directory(content)
        problems += _name_problems([entry.name for entry in entries])
    except (_Bad, struct.error) as error:
        return Layout((), (unknown(f"is no plain ZIP archive: {error}"),))
    members, expected, left = [], 0, MAX_UNPACKED
    for entry in sorted(entries, key=lambda each: each.offset):
        try:
            if entry.offset != expected:
                problems.append(unknown("has data between its members", entry.name))
            data, expected = _local(content, entry, problems, directory)
            member = _unpacked(entry, data, left, problems)
            left -= len(member.content)
            members.append(member)
        except (_Bad, struct.error, zlib.error) as error:
            problems.append(unknown(f"cannot be read: {error}", entry.name))
    if expected != directory and not problems:
        problems.append(unknown("has data before its directory"))
    return Layout(tuple(members), tuple(problems))


def _directory(content: bytes) -> tuple[list[_Entry], int]:
    """The entries of the directory, and the byte where it begins."""
    end = len(content) - 22
    if end < 0 or content[end : end + 4] != _END:
        raise _Bad("its directory is not at the end of the file, which may be cut off")
    disk, first, here, count, size, offset, comment = struct.unpack(
        "<4H2IH", content[end + 4 : end + 22]
    )
    if disk or first or comment or here != count:
        raise _Bad("it has several disks or a comment")
    stop = end
    if content[end - 20 : end - 16] == _LOCATOR:
        plain = (count, size, offset)
        count, size, offset, stop = _zip64(content, end)
        if any(
            a not in (b, 0xFFFF, _FULL) for a, b in zip(plain, (count, size, offset), strict=True)
        ):
            raise _Bad("its two ends disagree")
    if offset + size != stop or count > MAX_MEMBERS:
        raise _Bad("its directory lies elsewhere, or is too long")
    entries, place = [], offset
    for _ in range(count):
        if content[place : place + 4] != _ENTRY:
            raise _Bad("its directory has fewer entries than it says")
        entry, place = _entry(content, place)
        entries.append(entry)
    if place != stop:
        raise _Bad("its directory has more entries than it says")
    return entries, offset


def _zip64(content: bytes, end: int) -> tuple[int, int, int, int]:
    """Number of entries, size and place of the directory, and where it has to end."""
    (place,) = struct.unpack("<Q", content[end - 12 : end - 4])
    if content[place : place + 4] != _END64 or place + 56 != end - 20:
        raise _Bad("its directory lies elsewhere")
    count, size, offset = struct.unpack("<3Q", content[place + 32 : place + 56])
    return count, size, offset, place


def _entry(content: bytes, place: int) -> tuple[_Entry, int]:
    fields = struct.unpack("<6H3I5H2I", content[place + 4 : place + 46])
    flags, method, checksum, packed, size = fields[2], fields[3], *fields[6:9]
    name, extra, comment, offset = fields[9], fields[10], fields[11], fields[15]
    if comment or _FULL in (packed, size, offset):
        raise _Bad("an entry has a comment, or more than 4 GiB")
    begin = place + 46
    raw = content[begin : begin + name]
    return _Entry(raw, flags, method, checksum, packed, size, offset), begin + name + extra


def _name_problems(names: Sequence[str]) -> list[Reason]:
    problems = []
    if len({name.casefold() for name in names}) != len(names):
        problems.append(unknown("has two members of one name"))
    for name in names:
        parts = name.split("/")
        if "\\" in name or "\0" in name or ".." in parts or name.startswith("/") or ":" in name:
            problems.append(unknown("has a name that leads elsewhere", name))
    return problems[:4]


def _local(
    content: bytes, entry: _Entry, problems: list[Reason], directory: int
) -> tuple[bytes, int]:
    """The packed bytes of an entry, and where the next header has to be."""
    place = entry.offset
    if content[place : place + 4] != _LOCAL:
        raise _Bad("it has no header")
    _, flags, method, _, _, checksum, packed, size, name, extra = struct.unpack(
        "<5H3I2H", content[place + 4 : place + 30]
    )
    begin = place + 30 + name + extra
    data = content[begin : begin + entry.packed]
    if content[place + 30 : place + 30 + name] != entry.raw:
        problems.append(unknown("has another name in its header", entry.name))
    if (flags, method) != (entry.flags, entry.method) or flags & ~(_DESCRIBED | _UTF8):
        problems.append(unknown("has other flags in its header, or is encrypted", entry.name))
    stop = begin + entry.packed
    if len(data) != entry.packed or stop > directory:
        raise _Bad("it is longer than the file")
    if flags & _DESCRIBED:
        return data, stop + _descriptor(content, stop, entry)
    if packed == size == _FULL:
        packed, size = _sizes64(content[begin - extra : begin])[::-1]
    if (checksum, packed, size) != (entry.checksum, entry.packed, entry.size):
        problems.append(unknown("has another size or checksum in its header", entry.name))
    return data, stop


def _sizes64(extra: bytes) -> tuple[int, int]:
    """Unpacked and packed size in the extra field of a header."""
    while len(extra) >= 4:
        kind, length = struct.unpack("<2H", extra[:4])
        if kind == 1 and length >= 16:
            size, packed = struct.unpack("<2Q", extra[4:20])
            return size, packed
        extra = extra[4 + length :]
    raise _Bad("its size is not in the header")


def _descriptor(content: bytes, place: int, entry: _Entry) -> int:
    """The length of the data descriptor behind a member, which has to agree with the directory."""
    wanted = (entry.checksum, entry.packed, entry.size)
    for prefix in (_DESCRIPTOR, b""):
        for form in ("<3I", "<I2Q"):
            packed = prefix + struct.pack(form, *wanted)
            if content[place : place + len(packed)] == packed:
                return len(packed)
    raise _Bad("its descriptor differs from the directory")


def _unpacked(entry: _Entry, data: bytes, left: int, problems: list[Reason]) -> Member:
    if entry.method == _STORED:
        content = data
    elif entry.method == _DEFLATED:
        unpacker = zlib.decompressobj(-15)
        content = unpacker.decompress(data, min(entry.size, left) + 1)
        if unpacker.unconsumed_tail or not unpacker.eof or unpacker.unused_data:
            problems.append(unknown("unpacks to another size than it says", entry.name))
    else:
        raise _Bad(f"it is compressed by method {entry.method}")
    if len(content) != entry.size:
        problems.append(unknown("has another size than it says", entry.name))
    if len(content) > left:
        raise _Bad(f"the archive unpacks to more than {MAX_UNPACKED} bytes")
    if zlib.crc32(content) != entry.checksum:
        problems.append(unknown("has a wrong checksum", entry.name))
    return Member(entry.name, content, entry.method == _STORED)
