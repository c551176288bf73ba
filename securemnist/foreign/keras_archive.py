"""Triage of Keras 3 archives: three members, layers of Keras itself, numbers in HDF5."""

from __future__ import annotations

from securemnist._util.parsing import json_object
from securemnist.errors import ParseError
from securemnist.foreign import hdf5_file, keras_config, members
from securemnist.foreign.outcome import Reason, unknown
from securemnist.foreign.zip_layout import Layout
from securemnist.models.formats.keras_file import CONFIG, MAX_CONFIG, METADATA, WEIGHTS


def reasons(layout: Layout) -> list[Reason]:
    found = list(layout.problems)
    for member in layout.members:
        if member.name == WEIGHTS:
            found += hdf5_file.reasons(member.content, WEIGHTS)
        elif member.name == CONFIG:
            found += _config_reasons(member.content)
        elif member.name == METADATA and len(member.content) <= MAX_CONFIG:
            continue
        else:
            found += members.reasons(member.name, member.content)
            found.append(unknown("is no member of a Keras 3 archive", member.name))
    missing = {CONFIG, METADATA, WEIGHTS} - set(layout.names)
    return [*found, *(unknown("is missing", name) for name in sorted(missing))]


def _config_reasons(content: bytes) -> list[Reason]:
    if len(content) > MAX_CONFIG:
        return [unknown(f"has more than {MAX_CONFIG} bytes", CONFIG)]
    try:
        return keras_config.reasons(json_object(content), CONFIG)
    except ParseError as error:
        return [unknown(f"is no JSON: {error}", CONFIG)]
