"""Damage: the first line that is not as it was written, and the kind of change.

The kind is a guess by the lines around it: with recomputed digests one kind looks like another. That
there is a change is certain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from securemnist.audit.line import Line

KINDS = ("changed", "removed", "inserted", "reordered", "cut off")


@dataclass(frozen=True)
class Damage:
    """`kind`: one of KINDS; `number`: of the first line concerned; `where`: file and line in it."""

    kind: str
    number: int
    where: str
    detail: str

    def __str__(self) -> str:
        return f"line {self.number} was {self.kind} ({self.where}): {self.detail}"


@dataclass(frozen=True)
class Place:
    """A line at its place; `line` is None, with a `reason`, where it cannot be read."""

    where: str
    line: Line | None
    reason: str = ""


def classified(place: Place, before: Place | None, after: Sequence[Place], number: int) -> Damage:
    """The damage at `place`, where line `number` was expected behind line `before`.

    `after`: some lines that follow.
    """
    line, where = place.line, place.where
    if line is None:
        return Damage("changed", number, where, place.reason)
    if line.number > number:
        return _missing(line, where, after, number)
    if line.number < number:
        return _repeated(line, where, before, after)
    if before is None:
        return Damage("changed", number, where, "it names a line before the first one")
    if _names(after, line) or not after:
        detail = f"line {number} names another digest of it"
        return Damage("changed", number - 1, before.where, detail)
    return Damage("changed", number, where, "it names another line before it")


def _names(after: Sequence[Place], line: Line) -> bool:
    """Whether the next line names this one as the line before it."""
    return any(other.line and other.line.previous == line.digest for other in after[:1])


def _missing(line: Line, where: str, after: Sequence[Place], number: int) -> Damage:
    later = next((p for p in after if p.line and p.line.number == number), None)
    if later is not None:
        return Damage("reordered", number, where, f"it now is behind, at {later.where}")
    last = line.number - 1
    lines = f"lines {number} to {last} are" if last > number else f"line {number} is"
    return Damage("removed", number, where, f"{lines} missing before line {line.number}")


def _repeated(line: Line, where: str, before: Place | None, after: Sequence[Place]) -> Damage:
    """A number that was there before: the line that the next one does not name was inserted."""
    if before and before.line and before.line.number == line.number and _names(after, line):
        return Damage("inserted", line.number, before.where, f"another line {line.number} follows")
    return Damage("inserted", line.number, where, f"there is a line {line.number} before")
