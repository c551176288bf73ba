"""Baseline: the issues that a project has accepted, so that only new ones count.

An entry matches by tool, rule, file and code, not by line number. It matches one issue only: the
same code a second time is a new issue.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from securemnist._util.files import read_at_most
from securemnist._util.parsing import json_object
from securemnist.errors import ParseError, PolicyError
from securemnist.static.issue import Issue

MAX_BYTES = 16 << 20
_ADVICE = "write it with `securemnist accept ROW`, where ROW is the id of this row"


class Entry(BaseModel):
    """The key of an issue, stable while the file changes elsewhere."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    tool: str
    rule: str
    file: str
    code: str


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    schema_version: Literal[1]
    accepted: list[Entry]


def load(path: Path) -> list[Entry]:
    """The entries of a baseline file; PolicyError where it is missing or malformed."""
    try:
        file = _File.model_validate(json_object(read_at_most(path, MAX_BYTES)))
    except OSError as error:
        raise PolicyError(
            f"{path}: expected a baseline, got {error.strerror}; {_ADVICE}"
        ) from error
    except ParseError as error:
        raise PolicyError(f"{path}: expected a baseline, got {error}; {_ADVICE}") from error
    except ValidationError as error:
        raise PolicyError(
            f"{path}: expected a baseline, got: {error.errors()[0]['msg']}; {_ADVICE}"
        ) from error
    return file.accepted


def dumps(issues: Iterable[Issue]) -> bytes:
    """The baseline file that accepts these issues; equal issues give equal bytes."""
    accepted = [_entry(issue).model_dump() for issue in sorted(issues)]
    return (json.dumps({"schema_version": 1, "accepted": accepted}, indent=1) + "\n").encode()


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
    return tuple(unaccepted), tuple(
        sorted(unspent.elements(), key=lambda entry: [*entry.model_dump().values()])
    )


def _entry(issue: Issue) -> Entry:
    return Entry(tool=issue.tool, rule=issue.rule, file=issue.file, code=issue.code)
