"""Baseline: the notices that a project has accepted, so that only new ones count.

An entry fits a notice by tool, rule, file and the code complained about, not by the line's number. It
is spent on one notice: the same code once more is a new finding.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from securemnist._util.files import read_at_most
from securemnist._util.parsing import json_object
from securemnist.errors import ParseError, PolicyError
from securemnist.static.issue import Notice

MAX_BYTES = 16 << 20
_ADVICE = "write it with `securemnist accept ROW`, where ROW is the id of this row"


class Entry(NamedTuple):
    """What makes a notice the same one in a changed file."""

    tool: str
    rule: str
    file: str
    code: str


class _Accepted(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    tool: str
    rule: str
    file: str
    code: str


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    schema_version: Literal[1]
    accepted: list[_Accepted]


def load(path: Path) -> list[Entry]:
    """The entries of a baseline file; PolicyError where it is missing or no baseline."""
    try:
        read = _File.model_validate(json_object(read_at_most(path, MAX_BYTES)))
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
    return [Entry(**entry.__dict__) for entry in read.accepted]


def dumps(notices: Iterable[Notice]) -> bytes:
    """The baseline file that accepts these notices; equal notices give equal bytes."""
    accepted = [_entry(notice)._asdict() for notice in sorted(notices)]
    return (json.dumps({"schema_version": 1, "accepted": accepted}, indent=1) + "\n").encode()


def split(
    notices: Iterable[Notice], accepted: Iterable[Entry]
) -> tuple[tuple[Notice, ...], tuple[Entry, ...]]:
    """The notices that are not accepted, and the stale entries, which fit no notice any more."""
    left = Counter(accepted)
    new = []
    for notice in notices:
        entry = _entry(notice)
        if left[entry]:
            left[entry] -= 1
        else:
            new.append(notice)
    return tuple(new), tuple(sorted(left.elements()))


def _entry(notice: Notice) -> Entry:
    return Entry(notice.tool, notice.rule, notice.file, notice.code)
