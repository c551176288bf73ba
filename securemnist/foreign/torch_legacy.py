"""Triage of checkpoints of older versions of torch: five pickles and the storages, or a TAR archive."""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Mapping

from securemnist.errors import first_line
from securemnist.foreign import members, pickle_stream
from securemnist.foreign.machine import Storage
from securemnist.foreign.outcome import Reason, unknown

MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_MOST_MEMBERS = 1_000
_MAX_MEMBER = 64 << 20


def is_legacy(content: bytes) -> bool:
    """Whether the first pickle is torch's magic number, as a plain number."""
    first = pickle_stream.scan(content[:64])
    return first.value == MAGIC and not first.reasons


def reasons(content: bytes) -> list[Reason]:
    found: list[Reason] = []
    place, value = 0, None
    storages: dict[str, Storage] = {}
    for part in ("magic number", "version", "system", "objects", "storage keys"):
        scan = pickle_stream.scan(content, part, start=place, torch=part == "objects")
        found += scan.reasons
        value = scan.value
        storages.update(scan.storages)
        if part == "version" and value != _VERSION:
            found.append(unknown("is of another version", part))
        if scan.end is None:
            return found
        place = scan.end
    problem = _storage_problem(content, place, storages)
    return [*found, unknown(problem)] if problem else found


def _storage_problem(content: bytes, place: int, storages: Mapping[str, Storage]) -> str:
    """What is wrong with the bytes behind the pickles: storages in the sorted order of their keys."""
    for key in sorted(storages):
        if place + 8 > len(content):
            return f"ends before the storage {key:.40}"
        (count,) = struct.unpack("<q", content[place : place + 8])
        if count != storages[key].count:
            return f"gives the storage {key:.40} another size than its pickle"
        place += 8 + count * storages[key].item
    return "" if place == len(content) else "has another size than its storages"


def tar_reasons(content: bytes) -> list[Reason]:
    """The reasons of a TAR archive: each member is scanned, and torch no longer reads any."""
    found = [unknown("is a TAR archive, which is not imported")]
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for number, member in enumerate(archive):
                if number >= _MOST_MEMBERS or not member.isfile():
                    found.append(unknown("is a link, a device, or one of many", member.name))
                    if number >= _MOST_MEMBERS:
                        break
                    continue
                file = archive.extractfile(member)
                found += members.reasons(member.name, file.read(_MAX_MEMBER) if file else b"")
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        found.append(unknown(f"is no TAR archive: {first_line(error):.120}"))
    return found
