"""Readers of a measurement's evidence: a checked value, None where absent, Malformed where odd.

Evidence comes out of a JSON file that anybody may have written; nothing of it is believed unread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from securemnist.results import per_image
from securemnist.results.per_image import CLASSES
from securemnist.results.value_checks import MOST, Malformed, items, mapping, real, whole
from securemnist.sanitize import line

MOST_LINES = 12  # of a picture; more is a thicket

Evidence = Mapping[str, Any]
Counts = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of the ladder: digits that entered, were proved safe or fell; spoiled proposals."""

    name: str
    entered: int
    proved: int
    fell: int
    over_budget: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Point:
    """Accuracy that an attack left at one eps, on n digits, and what of it is proved."""

    eps: float
    accuracy: float
    n: int
    certified: float | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points of one network under one attack, by eps; `reference` is a network beside the subject."""

    name: str
    attack: str
    points: tuple[Point, ...]
    reference: bool = False


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What became of the digits of one class."""

    certified: int = 0
    survived: int = 0
    open: int = 0
    broken: int = 0
    misclassified: int = 0

    @property
    def total(self) -> int:
        """All digits of the class."""
        return self.certified + self.survived + self.open + self.broken + self.misclassified


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One place that a static tool complains about."""

    tool: str
    rule: str
    severity: str
    place: str
    message: str
    advice: str


def confusion(evidence: Evidence, key: str = "confusion") -> Counts | None:
    """Counts by true class (row) and prediction (column)."""
    if (value := evidence.get(key)) is None:
        return None
    rows = items(value, key, CLASSES)
    return tuple(tuple(whole(cell, key) for cell in items(row, key, CLASSES)) for row in rows)


def per_class(evidence: Evidence, key: str) -> tuple[float | None, ...] | None:
    """A share for each class, None where a class has no digits."""
    if (value := evidence.get(key)) is None:
        return None
    return tuple(None if s is None else real(s, key, 1.0) for s in items(value, key, CLASSES))


def waterfall(evidence: Evidence) -> tuple[Stage, ...] | None:
    """The stages of the attack ladder, in their order."""
    if not (value := evidence.get("waterfall")):
        return None
    return tuple(_stage(mapping(entry, "waterfall")) for entry in items(value, "waterfall"))


def _stage(entry: Evidence) -> Stage:
    stage = Stage(
        name=line(entry.get("stage", ""), 24),
        entered=whole(entry.get("entered"), "waterfall"),
        proved=whole(entry.get("proved", 0), "waterfall"),
        fell=whole(entry.get("fell"), "waterfall"),
        over_budget=whole(entry.get("over_budget", 0), "waterfall"),
        seconds=real(entry.get("seconds", 0.0), "waterfall"),
    )
    if stage.proved + stage.fell > stage.entered:
        raise Malformed("waterfall: more digits left a stage than entered it")
    return stage


def curves(evidence: Evidence) -> tuple[Line, ...] | None:
    """Accuracy over eps: the subject, a line for each attack, then the reference models."""
    if not (value := evidence.get("curve")):
        return None
    own = _lines(value, "")
    lines = [*own]
    for entry in items(evidence.get("reference_curves") or [], "reference_curves"):
        table = mapping(entry, "reference_curves")
        lines += _lines(table.get("points"), line(table.get("model", ""), 40))
    if len(lines) > MOST_LINES:
        raise Malformed(f"curve: expected at most {MOST_LINES} lines, got {len(lines)}")
    return tuple(lines)


def _lines(value: Any, model: str) -> list[Line]:
    """The points of one network, by attack."""
    seen: dict[str, list[Point]] = {}
    for entry in items(value, "curve"):
        point = mapping(entry, "curve")
        seen.setdefault(line(point.get("attack", ""), 24), []).append(_point(point))
    return [
        Line(
            name=model or (attack if len(seen) > 1 else "this model"),
            attack=attack,
            points=tuple(sorted(points, key=lambda point: point.eps)),
            reference=bool(model),
        )
        for attack, points in seen.items()
    ]


def _point(entry: Evidence) -> Point:
    proved = entry.get("certified")
    return Point(
        eps=real(entry.get("eps"), "curve"),
        accuracy=real(entry.get("accuracy"), "curve", 1.0),
        n=whole(entry.get("n", 0), "curve"),
        certified=None if proved is None else real(proved, "curve", 1.0),
    )


def fates(evidence: Evidence) -> tuple[Fate, ...] | None:
    """The outcome table, counted by class."""
    if (value := evidence.get("outcomes")) is None:
        return None
    table = mapping(value, "outcomes")
    try:
        labels, codes = per_image.decode_outcomes(table)
    except ValueError as error:
        raise Malformed(f"outcomes: {error}") from error
    return tuple(_fate(codes[labels == label]) for label in range(CLASSES))


def _fate(codes: np.ndarray) -> Fate:
    """The outcome codes (n,) of one class, counted."""
    return Fate(
        certified=int((codes == per_image.CERTIFIED).sum()),
        survived=int((codes == per_image.SURVIVED).sum()),
        open=int((codes == per_image.NOT_ATTEMPTED).sum()),
        misclassified=int((codes == per_image.MISCLASSIFIED).sum()),
        broken=int((codes >= 0).sum()),
    )


def samples(evidence: Evidence) -> tuple[tuple[str, tuple[float, ...]], ...] | None:
    """Named series of seconds."""
    if not (value := evidence.get("samples")):
        return None
    series = mapping(value, "samples").items()
    named = [(line(k, 24), tuple(real(s, "samples") for s in items(v, k))) for k, v in series]
    if len(named) > 8 or not all(seconds for _, seconds in named):
        raise Malformed("samples: expected at most eight series, none of them empty")
    return tuple(named)


def notices(evidence: Evidence) -> tuple[Notice, ...] | None:
    """What the static tools said."""
    if (value := evidence.get("static")) is None:
        return None
    return tuple(_notice(mapping(entry, "static")) for entry in items(value, "static"))


def _notice(entry: Evidence) -> Notice:
    return Notice(
        tool=line(entry.get("tool", ""), 40),
        rule=line(entry.get("rule", ""), 120),
        severity=line(entry.get("severity", ""), 20),
        place=f"{line(entry.get('file', ''), 200)}:{line(entry.get('line', ''), 10)}",
        message=line(entry.get("message", ""), 400),
        advice=line(entry.get("advice", ""), 400),
    )


def quantity(evidence: Evidence, key: str) -> float | None:
    """A single finite number; None where it is absent or anything else."""
    try:
        return real(evidence.get(key), key, low=-MOST)
    except Malformed:
        return None
