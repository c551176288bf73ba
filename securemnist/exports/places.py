"""Where a row is: the path of its policy from the root of the repository, and a line.

Services show a finding only where its path is relative to the root of the repository.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from securemnist._util.parsing import toml_skeleton, toml_table
from securemnist.errors import ParseError
from securemnist.results.assessment import Assessment
from securemnist.sanitize import sentence

# The policy of the package lies in no repository of the user's; no file there may be taken for it.
_BUNDLED = "the bundled policy"
_PATH_OF_BUNDLED = "securemnist/security_tests/thresholds.toml"
_SUITES, _USUAL = "security_tests", "thresholds.toml"
_LONGEST = 1_000


@dataclass(frozen=True)
class Place:
    """A line of a file. `path` is relative, with slashes; `width` is the line's length, 0 if unknown."""

    path: str
    line: int
    width: int = 0

    @property
    def uri(self) -> str:
        """The path as a relative URI reference (RFC 3986)."""
        return quote(self.path)


class Places:
    """The places in the files of one assessment."""

    def __init__(self, assessment: Assessment) -> None:
        self._policy = assessment.policy
        self._folder = _text(assessment.environment.get("folder"))

    def row(self, name: str) -> Place:
        """The line of a row; the first line of the policy where the row is not found in its text."""
        number = self._numbers.get(name, 1)
        width = len(self._lines[number - 1]) if number <= len(self._lines) else 0
        return Place(self._path, number, width)

    def source(self, file: str, number: int) -> Place:
        """A line of a source file; its path, as in `StaticIssue`, begins at the policy's project."""
        above, _, name = self._path.rpartition("/")
        project, _, last = f"/{above}".rpartition("/")
        own = name and last == _SUITES and self._path != _PATH_OF_BUNDLED
        return Place(_relative(f"{project if own else self._folder}/{file}"), max(number, 1))

    @cached_property
    def _path(self) -> str:
        path = _text(self._policy.get("path"))
        if path == _BUNDLED:
            return _PATH_OF_BUNDLED
        # pytest may be started above the project: then the path begins with the project's folder.
        whole = self._folder and path.startswith(f"{self._folder}/")
        return _relative(path if whole else f"{self._folder}/{path}")

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return row_lines(_text(self._policy.get("text")))

    @cached_property
    def _lines(self) -> list[str]:
        return [one.rstrip("\r") for one in _text(self._policy.get("text")).split("\n")]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _relative(path: str) -> str:
    """A cleaned path that leads out of no folder."""
    parts = [sentence(part, 255) for part in path[:_LONGEST].split("/")]
    return "/".join(part for part in parts if part not in ("", ".", "..")) or _USUAL


_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*requirement[ \t]*\]\]", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
_ID = re.compile(r"^[ \t]*id[ \t]*=", re.MULTILINE)
# A row inside an array of inline tables, where lines do not begin with its key.
_INLINE = re.compile(r"""(?:^|[{,\s])id[ \t]*=[ \t]*(["'])([A-Za-z0-9][\w.-]{0,63})\1""", re.ASCII)


def row_lines(text: str) -> dict[str, int]:
    """The number of the line, from 1, on which each row has its id; text that is no policy has none."""
    try:
        rows = toml_table(text).get("requirement")
    except ParseError:
        return {}
    tables = rows if isinstance(rows, list) else []
    ids = [str(row.get("id")) for row in tables if isinstance(row, Mapping)]
    skeleton = toml_skeleton(text)
    starts = [header.end() for header in _HEADER.finditer(skeleton)]
    if len(starts) == len(ids):
        places = {row: _place(skeleton, at) for row, at in zip(ids, starts, strict=True)}
        return _lines(skeleton, places)
    inline = {found[2]: found.start(1) for found in reversed([*_INLINE.finditer(text)])}
    return _lines(text, {row: inline[row] for row in ids if row in inline})


def _place(skeleton: str, start: int) -> int:
    """Where the key `id` of the table that begins at `start` is; its header where it has none."""
    after = _TABLE.search(skeleton, skeleton.find("\n", start) + 1 or len(skeleton))
    key = _ID.search(skeleton, start, after.start() if after else len(skeleton))
    return start if key is None else key.end()


def _lines(text: str, places: Mapping[str, int]) -> dict[str, int]:
    breaks = [found.start() for found in re.finditer("\n", text)]
    return {row: bisect_left(breaks, place) + 1 for row, place in places.items()}
