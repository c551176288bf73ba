"""One Python file of the project, as the tools read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from securemnist.static.issue import Issue


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


class ReadResult(NamedTuple):
    """Result of reading one file: its source, issues for unread parts, and exclusions."""

    source_file: SourceFile | None = None
    unread: tuple[Issue, ...] = ()
    excluded: tuple[str, ...] = ()
