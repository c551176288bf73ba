"""Baseline: the issues that a project has accepted, so that only new ones count.

An entry matches by tool, rule, file and code, not by line number. It matches one issue only: the
same code a second time is a new issue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from securemnist._util.files import expecting, read_at_most
from securemnist._util.hashing import json_file
from securemnist._util.parsing import json_object
from securemnist._util.strict import Strict
from securemnist.errors import ParseError, PolicyError
from securemnist.static.issue import Issue

MAX_BYTES = 16 << 20
_ADVICE = "write it with `securemnist accept ROW`, where ROW is the id of this row"


class Entry(Strict):
    """The key of an issue, stable while the file changes elsewhere."""

    tool: str
    rule: str
    file: str
    code: str


class _File(Strict):
    schema_version: Literal[1]
    accepted: list[Entry]


def load(path: Path) -> list[Entry]:
    """The entries of a baseline file; PolicyError where it is missing or malformed."""
    try:
        with expecting(path, "a baseline", _ADVICE, PolicyError):
            return _File.model_validate(json_object(read_at_most(path, MAX_BYTES))).accepted
    except ParseError as error:
        raise PolicyError(f"{path}: expected a baseline, got {error}; {_ADVICE}") from error
    except ValidationError as error:
        got = error.errors()[0]["msg"]
        raise PolicyError(f"{path}: expected a baseline, got: {got}; {_ADVICE}") from error


def dumps(issues: Iterable[Issue]) -> bytes:
    """The baseline file that accepts these issues; equal issues give equal bytes."""
    accepted = [_entry(issue).model_dump() for issue in sorted(issues)]
    return json_file({"schema_version": 1, "accepted": accepted})


def split(
    issues: Iterable[Issue], accepted: Iterable[Entry]
) -> tuple[tuple[Issue, ...], tuple[Entry, ...]]:
    """Issues that are not accepted, and stale entries, which match no issue."""
    unspent = Counter(accepted)
    unaccepted = []
    for issue in issues:
        entry = _entry(issue)
        if unspent[entry]:
            unspent[entry] -= 1
        else:
            unaccepted.append(issue)
    stale = sorted(unspent.elements(), key=lambda entry: [*entry.model_dump().values()])
    return tuple(unaccepted), tuple(stale)


def _entry(issue: Issue) -> Entry:
    return Entry(tool=issue.tool, rule=issue.rule, file=issue.file, code=issue.code)
