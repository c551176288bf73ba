"""Kinds: which files hold Python, by their names and first bytes."""

from __future__ import annotations

import os
import re
import stat
from enum import Enum
from pathlib import Path

from securemnist._util.files import read_at_most
from securemnist.static.reading import holds_pth_code

# No module of Python is so large; a notebook may hold the pictures that its cells drew.
MAX_BYTES = 4 << 20
MAX_NOTEBOOK = 64 << 20
_SOURCE = re.compile(r"\.(py[3wi]?|wsgi|py[x]|px[di])$", re.IGNORECASE)
_BYTECODE = re.compile(r"\.(py[co]|pyzw?)$", re.IGNORECASE)
_OTHER = re.compile(r"\.(so|pyd|dll|dylib|whl|egg)$", re.IGNORECASE)
_SHEBANG = re.compile(rb"#![^\n\r]*(python|pypy|uv\s+run|pipx\s+run)", re.IGNORECASE)


class FileKind(Enum):
    """What a file is to the static gate; a value that ends in a reason says why it is not read."""

    SOURCE = "Python"
    NOTEBOOK = "notebook"
    PTH = "path configuration"
    BYTECODE = "compiled Python, which no tool reads"
    BINARY = "compiled or packed, not source code"
    OTHER = ""


def file_kind(path: Path) -> FileKind:
    """The kind of a regular file; OSError where only its content could tell and it cannot be opened."""
    name = path.name
    if _SOURCE.search(name):
        return FileKind.SOURCE
    if name.lower().endswith(".ipynb"):
        return FileKind.NOTEBOOK
    if _BYTECODE.search(name):
        return FileKind.BYTECODE
    if _OTHER.search(name):
        return FileKind.BINARY
    if name.lower().endswith(".pth"):
        return FileKind.PTH if _is_path_configuration(path) else FileKind.OTHER
    with path.open("rb") as file:
        return FileKind.SOURCE if _SHEBANG.match(file.read(256)) else FileKind.OTHER


def read_content(path: Path, kind: FileKind) -> bytes:
    """The content of a file of Python; OSError where it cannot be read or is too large."""
    return read_at_most(path, MAX_NOTEBOOK if kind is FileKind.NOTEBOOK else MAX_BYTES)


def is_regular(path: Path) -> bool:
    """Whether a path, links followed, is a regular file: a pipe would block its reader."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _is_path_configuration(path: Path) -> bool:
    """Weights of networks end in .pth, too, and are too large or hold NUL bytes."""
    try:
        return holds_pth_code(read_at_most(path, MAX_BYTES))
    except OSError:
        return False
