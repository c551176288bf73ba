"""TOML files from outside: regular, of at most 1 MiB, refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from securemnist._util.files import expecting, read_at_most
from securemnist._util.parsing import MAX_TOML_BYTES, decoded, toml_table
from securemnist.errors import ParseError, UsageError


def toml_file(path: Path, expected: str, raises: type[UsageError] = UsageError) -> dict[str, Any]:
    """The tables of a file; the error `raises` where it cannot be read or is no TOML.

    `expected`: what the file holds, for instance "the description of an endpoint".
    """
    try:
        with expecting(path, expected, "name another file", raises):
            return toml_table(decoded(read_at_most(path, MAX_TOML_BYTES)))
    except ParseError as error:
        raise raises(f"{path}: expected TOML, got {error}; fix it") from error
