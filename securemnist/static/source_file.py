"""One Python file of the project, as the tools read it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from securemnist.static import notebook
from securemnist.static.issue import Issue, not_read
from securemnist.static.kinds import FileKind, read_content
from securemnist.static.reading import NotRead, pth_text, python_text


@dataclass(frozen=True)
class SourceFile:
    """Python text of a file, its name in the project, and the digest of its content.

    `places`: for a notebook, (cell, line) of each line of the text; empty otherwise.
    """

    name: str
    text: str
    digest: str
    places: tuple[tuple[int, int], ...] = ()

    def code(self, first: int, last: int) -> str:
        """Lines `first` to `last` (from 1) with white space folded."""
        return " ".join(" ".join(self.text.split("\n")[first - 1 : last]).split())

    def place(self, line: int) -> str:
        """Cell and line of a notebook for a line of the text; empty for other files."""
        if not 1 <= line <= len(self.places):
            return ""
        cell, number = self.places[line - 1]
        return f" (cell {cell}, line {number})"


@dataclass(frozen=True)
class ReadResult:
    """Result of reading one file: its source, issues for unread parts, and exclusions."""

    source_file: SourceFile | None = None
    unread: tuple[Issue, ...] = ()
    excluded: tuple[str, ...] = ()


def read(folder: Path, name: str, kind: FileKind) -> ReadResult:
    """A file as Python reads it; parts that cannot be read become issues."""
    try:
        name.encode()
        content = read_content(folder / name, kind)
    except UnicodeEncodeError:
        return ReadResult(unread=(not_read(name, "its name is not UTF-8", content=ascii(name)),))
    except OSError as error:
        reason = error.strerror if error.filename is None else f"{error.strerror}"
        return ReadResult(unread=(not_read(name, reason or "it cannot be opened", content=name),))
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    try:
        if kind is FileKind.NOTEBOOK:
            return _notebook(name, content, digest)
        text = pth_text(content) if kind is FileKind.PTH else python_text(content)
        return ReadResult(SourceFile(name, text, digest))
    except NotRead as error:
        return ReadResult(unread=(not_read(name, str(error), content=digest),))


def _notebook(name: str, content: bytes, digest: str) -> ReadResult:
    contents = notebook.read(content)
    if contents is None:
        return ReadResult(excluded=(f"{name} (notebook in another language than Python)",))
    unread = tuple(
        not_read(name, f"cell {cell}: {reason}", content=f"cell {cell} of {digest}")
        for cell, reason in contents.unread
    )
    excluded = tuple(f"{name}, {cell} (another language than Python)" for cell in contents.excluded)
    return ReadResult(SourceFile(name, contents.text, digest, contents.places), unread, excluded)
