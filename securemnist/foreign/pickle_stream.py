"""Triage of one pickle: its instructions are listed and followed, never run."""

from __future__ import annotations

import contextlib
import contextvars
import io
import pickletools  # nosec B403 # lists instructions, builds nothing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from securemnist.errors import first_line
from securemnist.foreign import nested
from securemnist.foreign.calls import Step
from securemnist.foreign.instructions import HANDLERS
from securemnist.foreign.machine import Broken, Machine, Storage, Value
from securemnist.foreign.outcome import MOST_REASONS, Outcome, Reason, unknown

MAX_INSTRUCTIONS = 1_000_000
MAX_OF_FILE = 4_000_000  # an archive may have a pickle in each of its members
_MAX_NESTED = 3


@dataclass(frozen=True)
class Scan:
    """A pickle: the byte behind it (None if it has no end), what it builds, and its storages."""

    end: int | None
    value: Value
    reasons: tuple[Reason, ...]
    storages: Mapping[str, Storage]


class _Reasons:
    """Reasons without repetition; all malicious ones up to a limit, and as many of the others."""

    def __init__(self) -> None:
        self.found: dict[tuple[Outcome, str, str], Reason] = {}

    def add(self, reason: Reason) -> None:
        same = sum(reason.outcome is each.outcome for each in self.found.values())
        if same < MOST_REASONS:
            self.found.setdefault((reason.outcome, reason.place, reason.text), reason)


_left: contextvars.ContextVar[list[int]] = contextvars.ContextVar("instructions left")


@contextlib.contextmanager
def one_file() -> Iterator[None]:
    """All pickles that are scanned within have `MAX_OF_FILE` instructions together."""
    token = _left.set([MAX_OF_FILE])
    try:
        yield
    finally:
        _left.reset(token)


def scan(
    content: bytes, place: str = "", *, start: int = 0, torch: bool = False, depth: int = 0
) -> Scan:
    """The pickle at byte `start`; `torch` allows storages by persistent identifiers.

    What comes before an error counts: an unpickler would have run it by then.
    """
    reasons = _Reasons()
    machine = Machine(reasons.add, torch=torch)
    file = io.BytesIO(content)
    file.seek(start)
    end, opcode, offset = None, "", start
    left = _left.get([MAX_OF_FILE])
    most = min(MAX_INSTRUCTIONS, left[0])
    try:
        for number, (operation, argument, position) in enumerate(pickletools.genops(file)):
            opcode, offset = operation.name, int(position or 0)
            left[0] -= 1
            if number >= most:
                raise Broken("more instructions than are scanned")
            HANDLERS[opcode](machine, Step(opcode, argument, offset, place))
            _look_inside(argument, place, offset, opcode, depth, reasons)
        end, value = file.tell(), machine.pop()
    except Exception as error:  # genops raises what its decoders raise
        value = None
        text = f"is no complete pickle: {first_line(error):.120}"
        reasons.add(unknown(text, place, opcode=opcode, offset=offset))
    return Scan(end, value, tuple(reasons.found.values()), machine.storages)


def _look_inside(
    argument: object, place: str, offset: int, opcode: str, depth: int, reasons: _Reasons
) -> None:
    inside = nested.pickle_in(argument)
    if inside is None:
        return
    reasons.add(unknown("holds another pickle in a text", place, opcode=opcode, offset=offset))
    if depth < _MAX_NESTED:
        where = f"{place} > pickle at byte {offset}".removeprefix(" > ")
        for reason in scan(inside, where, depth=depth + 1).reasons:
            reasons.add(reason)


def scan_all(content: bytes, place: str = "", *, most: int = 64) -> list[Reason]:
    """The reasons of a file that should be one pickle; further pickles and data behind it count."""
    first = scan(content, place)
    reasons, end = list(first.reasons), first.end
    if end is not None and end < len(content):
        reasons.append(unknown("has data behind the pickle", place, offset=end))
    for _ in range(most):
        if end is None or end == len(content):
            break
        further = scan(content, place, start=end)
        reasons += further.reasons
        end = further.end
    return reasons
