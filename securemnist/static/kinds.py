"""Kinds of files that hold Python, by their names and first bytes."""

from __future__ import annotations

import os
import re
import stat
from enum import Enum
from pathlib import Path

from securemnist._util.files import read_at_most
from securemnist.static.reading import holds_pth_code

# Size limits: no Python module is larger; a notebook may contain output images.
MAX_BYTES = 4 << 20
MAX_NOTEBOOK = 64 << 20
_SOURCE = re.compile(r"\.(py[3wi]?|wsgi|py[x]|px[di])$", re.IGNORECASE)
_BYTECODE = re.compile(r"\.(py[co]|pyzw?)$", re.IGNORECASE)
_OTHER = re.compile(r"\.(so|pyd|dll|dylib|whl|egg)$", re.IGNORECASE)
_SHEBANG = re.compile(rb"#![^\n\r]*(python|pypy|uv\s+run|pipx\s+run)", re.IGNORECASE)


class FileKind(Enum):
    """Kind of a file; the values of unread kinds give the reason."""

    SOURCE = "Python"
    NOTEBOOK = "notebook"
    PTH = "path configuration"
    BYTECODE = "compiled Python, which no tool reads"
    BINARY = "compiled or packed, not source code"
    UNREADABLE = "the file cannot be opened"
    OTHER = ""


def file_kind(path: Path) -> FileKind:
    """The kind of a regular file."""
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
    try:
        with path.open("rb") as file:
            return FileKind.SOURCE if _SHEBANG.match(file.read(256)) else FileKind.OTHER
    except OSError:
        return FileKind.UNREADABLE


def read_content(path: Path, kind: FileKind) -> bytes:
    """Content of a Python file; OSError where it cannot be read or is too large."""
    return read_at_most(path, MAX_NOTEBOOK if kind is FileKind.NOTEBOOK else MAX_BYTES)


def is_regular(path: Path) -> bool:
    """Whether a path, links followed, is a regular file; reading a pipe would block."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _is_path_configuration(path: Path) -> bool:
    """Whether a .pth file configures paths; network weights, too, have this suffix."""
    try:
        return holds_pth_code(read_at_most(path, MAX_BYTES))
    except OSError:
        return False
