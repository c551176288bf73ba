"""A small scale beside a row: value, 95 % interval and threshold, on the stretch they need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from securemnist.results.findings import Measurement, Requirement
from securemnist.view.axis import Scale
from securemnist.view.numbers import number

# The shortest stretch between the marks of a bar, and what is added on either side, as a share of it.
_SHORTEST = {"share": 0.02, "ratio": 0.1}
_AIR = 0.15


@dataclass(frozen=True, kw_only=True)
class IntervalBar:
    """Places from 0 to 100 along a line from `first` to `last`.

    `mark` is what the value is held against, `zone` the good part of the line.
    """

    first: str
    last: str
    value: float
    low: float
    high: float
    mark: float
    zone: tuple[float, float]
    certified: float | None = None


def of_measurement(row: Requirement, measurement: Measurement | None) -> IntervalBar | None:
    """None where there is nothing to scale: a count, or numbers that are not finite."""
    if measurement is None or measurement.unit not in ("share", "ratio"):
        return None
    marks = [measurement.value, measurement.low, measurement.high, row.threshold]
    if measurement.certified is not None:
        marks.append(measurement.certified)
    if not all(map(math.isfinite, marks)):
        return None
    scale = _scale(marks, measurement.unit, 0.0)
    threshold = _place(scale, row.threshold)
    return IntervalBar(
        first=_short(scale.first, measurement.unit),
        last=_short(scale.last, measurement.unit),
        value=_place(scale, measurement.value),
        low=_place(scale, measurement.low),
        high=_place(scale, measurement.high),
        mark=threshold,
        zone=(threshold, 100.0) if row.at_least is not None else (0.0, threshold),
        certified=None if measurement.certified is None else _place(scale, measurement.certified),
    )


def of_difference(value: float, low: float, high: float, margin: float, unit: str) -> IntervalBar:
    """A difference of shares or ratios against zero; the zone is the margin on either side."""
    scale = _scale((low, high, 0.0, -margin, margin), unit, -1.0 if unit == "share" else -math.inf)
    return IntervalBar(
        first=f"{scale.first:+.3g}",
        last=f"{scale.last:+.3g}",
        value=_place(scale, value),
        low=_place(scale, low),
        high=_place(scale, high),
        mark=_place(scale, 0.0),
        zone=(_place(scale, -margin), _place(scale, margin)),
    )


def _scale(marks: Sequence[float], unit: str, least: float) -> Scale:
    """A scale around the marks, from `least` at the lowest; to 1 at the highest for shares."""
    spread = max(max(marks) - min(marks), _SHORTEST[unit])
    first, last = min(marks) - _AIR * spread, max(marks) + _AIR * spread
    most = 1.0 if unit == "share" else math.inf
    return Scale(max(first, least), min(last, most), 0, 100)


def _place(scale: Scale, mark: float) -> float:
    """From 0 to 100 along the line; a number outside lies at its end."""
    return round(min(max(scale(mark), 0.0), 100.0), 2)


def _short(mark: float, unit: str) -> str:
    text = number(round(mark, 3), unit)
    return text.rstrip("0").rstrip(".") if "." in text else text
