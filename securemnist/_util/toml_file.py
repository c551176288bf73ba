"""TOML files from outside: regular, of at most 1 MiB, refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from securemnist._util.files import read_or_raise
from securemnist._util.parsing import MAX_TOML_BYTES, decoded, toml_table
from securemnist.errors import ParseError, UsageError


def toml_file(path: Path, expected: str, raises: type[UsageError] = UsageError) -> dict[str, Any]:
    """The tables of a file; the error `raises` where it cannot be read or is no TOML.

    `expected`: what the file holds, for instance "the description of an endpoint".
    """
    try:
        content = read_or_raise(path, MAX_TOML_BYTES, expected, raises, "name another file")
        return toml_table(decoded(content))
    except ParseError as error:
        raise raises(f"{path}: expected TOML, got {error}; fix it") from error
