"""A small scale beside a row: value, 95 % interval and threshold, on the stretch they need."""

from __future__ import annotations

import math
from dataclasses import dataclass

from securemnist.results.findings import Measurement, Requirement
from securemnist.view.wording import number


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """Places from 0 to 100 along a line from `first` to `last`."""

    first: str
    last: str
    value: float
    low: float
    high: float
    threshold: float
    certified: float | None
    good_from: float
    good_to: float


def gauge(row: Requirement, seen: Measurement) -> Gauge | None:
    """None where there is nothing to scale: a count, or numbers that are not finite."""
    marks = [seen.value, seen.low, seen.high, row.threshold]
    if seen.certified is not None:
        marks.append(seen.certified)
    if seen.unit not in ("share", "ratio") or not all(map(math.isfinite, marks)):
        return None
    spread = max(max(marks) - min(marks), 0.02 if seen.unit == "share" else 0.1)
    first = max(min(marks) - 0.15 * spread, 0.0)
    last = max(marks) + 0.15 * spread
    if seen.unit == "share":
        last = min(last, 1.0)

    def place(mark: float) -> float:
        return round(min(max((mark - first) / (last - first), 0.0), 1.0) * 100, 2)

    threshold = place(row.threshold)
    at_least = row.at_least is not None
    return Gauge(
        first=_short(first, seen.unit),
        last=_short(last, seen.unit),
        value=place(seen.value),
        low=place(seen.low),
        high=place(seen.high),
        threshold=threshold,
        certified=None if seen.certified is None else place(seen.certified),
        good_from=threshold if at_least else 0.0,
        good_to=100.0 if at_least else threshold,
    )


def _short(mark: float, unit: str) -> str:
    shown = number(round(mark, 3), unit)
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
