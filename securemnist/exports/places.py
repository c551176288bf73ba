"""Where a row is: the path of its policy from the root of the repository, and a line.

Services show a finding only where its path is relative to the root of the repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from securemnist.exports.policy_lines import row_lines
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
