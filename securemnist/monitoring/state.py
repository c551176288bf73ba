"""State: what a monitor keeps over a restart, one JSON file that is written atomically."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from securemnist._util.files import expecting, only_writer, read_or_raise
from securemnist._util.parsing import json_object
from securemnist._util.resources import write_atomically
from securemnist.errors import UsageError
from securemnist.monitoring.alarm import Alarm, Result
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Class, Digest, Finite

FORMAT = 1
MAX_BYTES = 32 << 20
KEPT_ALARMS = 100
_MOST_VALUES = 3_000_000
_MOST_RESULTS = 100  # more than there are tests of an image of any form
_LARGEST = 1e31  # of a statistic, so that all are finite as float32
_Many = Annotated[int, Field(strict=True, ge=0, le=2**53)]


@dataclass(frozen=True)
class State(JsonModel):
    """`owner`: digest of the reference and the settings, by which a state of another monitor is known.

    `windows`, `images`, `alarm_count`: totals. `rows`, `labels`: statistics and classes of the window
    that is not complete. `last`: the results of the last window. `alarms`: the first and the latest
    ones.
    """

    format: _Many
    owner: Digest
    windows: _Many
    images: _Many
    alarm_count: _Many
    rows: list[list[Annotated[Finite, Field(ge=-_LARGEST, le=_LARGEST)]]]
    labels: list[Class]
    last: Annotated[list[Result], Field(max_length=_MOST_RESULTS)]
    limit: Finite
    alarms: Annotated[list[Alarm], Field(max_length=KEPT_ALARMS)]

    def write(self, path: Path) -> None:
        """Replace the file; OSError where that fails."""
        text = json.dumps(self.to_json(), separators=(",", ":"), allow_nan=False)
        write_atomically(path, text.encode() + b"\n")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """The right to write a state, by a lock beside it; UsageError where another service has it.

    Of two writers each would remove the other's alarms.
    """
    with contextlib.ExitStack() as stack:
        with expecting(path, "a state that can be written", "name another folder"):
            path.parent.mkdir(parents=True, exist_ok=True)
            what, advice = f"a state {path.name}", "name another folder in [serve.monitor]"
            stack.enter_context(only_writer(path.with_suffix(".lock"), what, advice))
        yield


def read(path: Path) -> State:
    """The state in a file; UsageError where it is missing or damaged."""
    what = "the state of a monitor"
    advice = "name the file that `securemnist serve` writes"
    content = read_or_raise(path, MAX_BYTES, what, UsageError, advice)
    try:
        state = State.from_json(json_object(content, values=_MOST_VALUES))
    except ValueError as error:  # a ParseError is one
        raise UsageError(
            f"{path}: expected {what}, got {error!s:.200}; remove it to begin anew"
        ) from error
    return _consistent(path, state)


def _consistent(path: Path, state: State) -> State:
    widths = {len(row) for row in state.rows}
    if state.format != FORMAT or len(widths) > 1 or len(state.rows) != len(state.labels):
        raise UsageError(
            f"{path}: expected the state of a monitor of this version, got another; remove it to begin "
            "anew"
        )
    if not _fits(state):
        raise UsageError(
            f"{path}: expected totals that fit the results and alarms of a monitor, got others; remove "
            "it to begin anew"
        )
    return state


def _fits(state: State) -> bool:
    """Whether totals, alarms and the last results agree: each alarm that is counted is there."""
    below = [result for result in state.last if result.p < state.limit]
    latest = [alarm.result for alarm in state.alarms if alarm.window == state.windows]
    windows = [alarm.window for alarm in state.alarms]
    return (
        bool(state.last) == bool(state.windows)
        and len(state.alarms) == min(state.alarm_count, KEPT_ALARMS)
        and latest == below
        and windows == sorted(windows)
        and max(windows, default=0) <= state.windows
        and all(alarm.result.p < alarm.limit for alarm in state.alarms)
    )
