"""Script: one file of the project as the tools are given it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from securemnist.static import notebook
from securemnist.static.issue import Notice, not_read
from securemnist.static.kinds import Kind, content_of
from securemnist.static.reading import NotRead, pth_text, python_text


@dataclass(frozen=True)
class Script:
    """The Python text of a file, its name in the project, and the digest of its content.

    `places`: for a notebook, the (cell, line) of each line of the text; empty otherwise.
    """

    name: str
    text: str
    digest: str
    places: tuple[tuple[int, int], ...] = ()

    def code(self, first: int, last: int) -> str:
        """Lines `first` to `last` (from 1), white space folded."""
        return " ".join(" ".join(self.text.split("\n")[first - 1 : last]).split())

    def place(self, line: int) -> str:
        """Where in a notebook a line of the text stands, in words; empty for other files."""
        if not 1 <= line <= len(self.places):
            return ""
        cell, number = self.places[line - 1]
        return f" (cell {cell}, line {number})"


@dataclass(frozen=True)
class Read:
    """What became of one file: its script, if any, what was not read of it, what was left out."""

    script: Script | None = None
    unread: tuple[Notice, ...] = ()
    excluded: tuple[str, ...] = ()


def read(folder: Path, name: str, kind: Kind) -> Read:
    """Read a file as Python reads it; whatever cannot be read so is a finding."""
    try:
        name.encode()
        content = content_of(folder / name, kind)
    except UnicodeEncodeError:
        return Read(unread=(not_read(name, "its name is not UTF-8", content=ascii(name)),))
    except OSError as error:
        reason = error.strerror if error.filename is None else f"{error.strerror}"
        return Read(unread=(not_read(name, reason or "it cannot be opened", content=name),))
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    try:
        if kind is Kind.NOTEBOOK:
            return _notebook(name, content, digest)
        text = pth_text(content) if kind is Kind.PTH else python_text(content)
        return Read(Script(name, text, digest))
    except NotRead as error:
        return Read(unread=(not_read(name, str(error), content=digest),))


def _notebook(name: str, content: bytes, digest: str) -> Read:
    book = notebook.read(content)
    if book is None:
        return Read(excluded=(f"{name} (notebook in another language than Python)",))
    unread = tuple(
        not_read(name, f"cell {cell}: {reason}", content=f"cell {cell} of {digest}")
        for cell, reason in book.unread
    )
    left_out = tuple(f"{name}, {cell} (another language than Python)" for cell in book.excluded)
    return Read(Script(name, book.text, digest, book.places), unread, left_out)
