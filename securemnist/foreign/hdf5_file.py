"""Triage of HDF5 files: numbers inside the file itself, and the configuration of an older Keras model."""

from __future__ import annotations

from securemnist._util.parsing import json_object
from securemnist.confined import process
from securemnist.errors import ParseError, UsageError
from securemnist.foreign import keras_config
from securemnist.foreign.outcome import Reason, malicious, unknown
from securemnist.models.formats import extras

MAGIC = b"\x89HDF\r\n\x1a\n"
SECONDS = 60
_KINDS = {"malicious": malicious, "unknown": unknown}


def reasons(content: bytes, place: str = "") -> list[Reason]:
    """The reasons of a file: links, data elsewhere, other data than numbers, classes with code."""
    try:
        extras.module("h5py", "keras")
    except UsageError as error:
        return [unknown(str(error), place)]
    try:
        answer = process.read(content, "HDF5", {"limit": None}, seconds=SECONDS)
        said = json_object(answer.packed)
        found = [
            _KINDS[kind](text, f"{place} {where}".strip()) for kind, text, where in said["reasons"]
        ]
        configs = {key: said["configs"][key].encode() for key in said["configs"]}
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # no answer, or another one
        return [unknown(f"is nothing that the confined process reads, which gave {error}", place)]
    for key, text in configs.items():
        found += _config_reasons(text, f"{place} {key}".strip())
    return found


def _config_reasons(text: bytes, where: str) -> list[Reason]:
    try:
        return keras_config.reasons(json_object(text), where, older=True)
    except ParseError as error:
        return [unknown(f"is no JSON: {error}", where)]
