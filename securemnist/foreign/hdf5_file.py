"""Triage of HDF5 files, and of Keras archives, whose numbers are such a file."""

from __future__ import annotations

from securemnist._util.parsing import json_object
from securemnist.confined import process
from securemnist.errors import UsageError
from securemnist.foreign import keras_config, members
from securemnist.foreign.outcome import Reason, malicious, unknown
from securemnist.foreign.zip_layout import Layout
from securemnist.models.formats import extras
from securemnist.models.formats.keras_file import CONFIG, MAX_CONFIG, METADATA, WEIGHTS

MAGIC = b"\x89HDF\r\n\x1a\n"
SECONDS = 60
_MAX_VALUES = 200_000  # of the answer: texts of as many objects as are read
_KINDS = {"malicious": malicious, "unknown": unknown}


def reasons(content: bytes, place: str = "") -> list[Reason]:
    """The reasons of a file: links, data elsewhere, other data than numbers, pickles, code in classes."""
    try:
        extras.module("h5py", "keras")
    except UsageError as error:
        return [unknown(str(error), place)]
    try:
        answer = process.read(content, "HDF5", {"limit": None}, seconds=SECONDS)
        said = json_object(answer.packed, values=_MAX_VALUES)
        found = [
            _KINDS[kind](text, f"{place} {where}".strip()) for kind, text, where in said["reasons"]
        ]
        configs = {key: said["configs"][key].encode() for key in said["configs"]}
        texts = [(where, text.encode("latin-1")) for where, text in said["texts"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # no answer, or another one
        return [unknown(f"is nothing that the confined process reads, which gave {error}", place)]
    for where, text in texts:  # PyTables takes them for pickles
        found += members.reasons(f"{place} {where}".strip(), text)
    for key, text in configs.items():
        found += keras_config.reasons(text, f"{place} {key}".strip(), older=True)
    return found


def archive_reasons(layout: Layout) -> list[Reason]:
    """The reasons of a Keras 3 archive: three members, layers of Keras itself, numbers in HDF5."""
    found = list(layout.problems)
    for member in layout.members:
        if member.name == WEIGHTS:
            found += reasons(member.content, WEIGHTS)
        elif member.name == CONFIG:
            found += keras_config.reasons(member.content, CONFIG, most=MAX_CONFIG)
        elif member.name == METADATA and len(member.content) <= MAX_CONFIG:
            continue
        else:
            found += members.reasons(member.name, member.content)
            found.append(unknown("is no member of a Keras 3 archive", member.name))
    missing = {CONFIG, METADATA, WEIGHTS} - set(layout.names)
    return [*found, *(unknown("is missing", name) for name in sorted(missing))]
