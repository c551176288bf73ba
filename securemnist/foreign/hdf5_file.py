"""Triage of HDF5 files: numbers inside the file itself, and the configuration of an older Keras model."""

from __future__ import annotations

import io
from typing import Any

from securemnist._util.parsing import json_object
from securemnist.errors import ParseError, UsageError, first_line
from securemnist.foreign import keras_config
from securemnist.foreign.outcome import Reason, malicious, unknown
from securemnist.models.formats import extras

MAGIC = b"\x89HDF\r\n\x1a\n"
MAX_OBJECTS = 20_000
_MAX_CONFIG = 16 << 20
_MAX_VALUES = 1 << 32
_CONFIGS = ("model_config", "training_config")


def reasons(content: bytes, place: str = "") -> list[Reason]:
    """The reasons of a file: links, data elsewhere, other data than numbers, classes with code."""
    try:
        h5py = extras.module("h5py", "keras")
    except UsageError as error:
        return [unknown(str(error), place)]
    found: list[Reason] = []
    try:
        with h5py.File(io.BytesIO(content), "r") as file:
            found += _attributes(file, place)
            _walk(file, place, h5py, found)
    except Exception as error:  # h5py raises what HDF5 and its own conversions raise
        found.append(unknown(f"is no complete HDF5 file: {first_line(error):.120}", place))
    return found


def _attributes(file: Any, place: str) -> list[Reason]:
    found: list[Reason] = []
    for key in _CONFIGS:
        if key not in file.attrs:
            continue
        where = f"{place} {key}".strip()
        if file.attrs.get_id(key).get_storage_size() > _MAX_CONFIG:
            found.append(unknown(f"has more than {_MAX_CONFIG} bytes", where))
            continue
        value = file.attrs[key]
        text = value if isinstance(value, bytes) else str(value).encode()
        try:
            config = json_object(text[: _MAX_CONFIG + 1])
        except ParseError as error:
            found.append(unknown(f"is no JSON: {error}", where))
            continue
        found += keras_config.reasons(config, where, older=True)
    return found


def _walk(file: Any, place: str, h5py: Any, found: list[Reason]) -> None:
    """Add the reasons of all objects; a link back to a group is met once."""
    pending, met, objects = [("", file)], set(), 0
    while pending:
        path, group = pending.pop()
        # A group may contain itself.
        if (address := h5py.h5o.get_info(group.id).addr) in met:
            continue
        met.add(address)
        for name in group:
            objects += 1
            if objects > MAX_OBJECTS:
                found.append(unknown(f"has more than {MAX_OBJECTS:,} objects", place))
                return
            where = f"{place} {path}/{name}".strip()
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                found.append(malicious(f"links to another file, {link.filename!r:.80}", where))
            elif not isinstance(link, h5py.HardLink):
                found.append(unknown("links to another name", where))
            elif isinstance(group[name], h5py.Group):
                pending.append((f"{path}/{name}", group[name]))
            else:
                found += _data_reasons(group[name], where, h5py)


def _data_reasons(entry: Any, where: str, h5py: Any) -> list[Reason]:
    if not isinstance(entry, h5py.Dataset):
        return [unknown("is no array", where)]
    if entry.external is not None or entry.is_virtual:
        return [malicious("takes its values from another file", where)]
    text = h5py.check_string_dtype(entry.dtype) is not None
    if entry.dtype.kind not in "fiubS" and not text:
        return [unknown(f"holds values of type {entry.dtype!s:.40}", where)]
    if entry.size is not None and entry.size > _MAX_VALUES:
        return [unknown(f"states {entry.size} values", where)]
    return []
