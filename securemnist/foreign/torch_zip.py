"""Triage of checkpoints that `torch.save` writes since version 1.6: a ZIP archive."""

from __future__ import annotations

import re
from collections.abc import Mapping

from securemnist.foreign import members, pickle_stream
from securemnist.foreign.machine import Storage
from securemnist.foreign.outcome import Reason, unknown
from securemnist.foreign.zip_layout import Layout, Member

PICKLE = "data.pkl"
_STORAGE = re.compile(r"data/([0-9A-Za-z_.-]{1,64})")
_SMALL = ("version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id")
_MAX_SMALL = 256
# How a file of TorchScript's source begins. As a pickle, the first would import a name with a space.
_SOURCE = (b"class ", b"def ", b"from __torch__")
_MAX_PICKLE = 128 << 20


def reasons(layout: Layout) -> list[Reason]:
    """The reasons of a checkpoint: of its pickle, of each other member, and of the archive."""
    found = list(layout.problems)
    roots = {name.partition("/")[0] for name in layout.names if name.endswith(f"/{PICKLE}")}
    root = f"{min(roots, default='')}/"
    files = {each.name.removeprefix(root): each for each in layout.members}
    if not all(name.startswith(root) for name in layout.names) or PICKLE not in files:
        found.append(unknown(f"has members outside of one folder with a {PICKLE}"))
    storages: dict[str, Storage] = {}
    for name, member in files.items():
        if name == PICKLE:
            scan = pickle_stream.scan(member.content, member.name, torch=True)
            found += scan.reasons
            storages.update(scan.storages)
            if scan.end is not None and scan.end != len(member.content):
                found += members.reasons(member.name, member.content[scan.end :])
                found.append(unknown("has data behind the pickle", member.name))
            if len(member.content) > _MAX_PICKLE:
                found.append(unknown(f"has more than {_MAX_PICKLE} bytes", member.name))
        elif not _STORAGE.fullmatch(name):
            found += _other(name, member)
    found += [unknown("is compressed", each.name) for each in layout.members if not each.stored]
    return found + _storage_reasons(files, storages)


def _other(name: str, member: Member) -> list[Reason]:
    """The reasons of a member that is neither the pickle nor a storage."""
    if name == "byteorder" and member.content != b"little":
        return [unknown("has another order of bytes than little-endian", member.name)]
    if name in _SMALL and len(member.content) <= _MAX_SMALL:
        return []
    program = unknown("is part of a TorchScript program", member.name)
    if name.startswith("code/") and member.content.startswith(_SOURCE):
        return [program]
    found = members.reasons(member.name, member.content)
    if name.startswith("code/") or name == "constants.pkl":
        return [*found, program]
    return [*found, unknown("is no member of a checkpoint", member.name)]


def _storage_reasons(files: Mapping[str, Member], storages: Mapping[str, Storage]) -> list[Reason]:
    """The reasons of storages whose bytes are missing, left over, or of another size."""
    found = []
    for key, storage in storages.items():
        member = files.get(f"data/{key}")
        if member is None:
            found.append(unknown(f"names the storage {key:.40}, which is not in the archive"))
        elif len(member.content) != storage.item * storage.count:
            found.append(unknown("has another size than the pickle says", member.name))
    for name, member in files.items():
        match = _STORAGE.fullmatch(name)
        if match and match[1] not in storages:
            found += members.reasons(member.name, member.content)
            found.append(unknown("is a storage that no tensor uses", member.name))
    return found
