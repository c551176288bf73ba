"""Triage of NumPy's arrays: numbers, or objects, which are a pickle.

Layout: NEP 1, https://numpy.org/neps/nep-0001-npy-format.html.
"""

from __future__ import annotations

import io
import math

import numpy as np

from securemnist.errors import first_line
from securemnist.foreign import pickle_stream
from securemnist.foreign.outcome import Reason, unknown
from securemnist.foreign.zip_layout import Layout

MAGIC = b"\x93NUMPY"
_MAX_HEADER = 10_000


def reasons(content: bytes, place: str = "") -> list[Reason]:
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        reader = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if reader is None:
            return [unknown(f"is an array of version {version}", place)]
        shape, _, dtype = reader(file, max_header_size=_MAX_HEADER)
    except Exception as error:  # NumPy raises what its parser of the header raises
        return [unknown(f"is no array: {first_line(error):.120}", place)]
    data = content[file.tell() :]
    if dtype.hasobject:
        objects = pickle_stream.scan_all(data, place)
        return [*objects, unknown("holds objects, which are a pickle", place)]
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(data):
        return [unknown("has another size than its shape", place)]
    return []


def archive_reasons(layout: Layout) -> list[Reason]:
    """The reasons of an `.npz` archive, whose members are all arrays."""
    found = list(layout.problems)
    for member in layout.members:
        found += reasons(member.content, member.name)
    return found
