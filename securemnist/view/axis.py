"""Axes of charts: a linear scale, round steps, and lines of percent."""

from __future__ import annotations

import math
from dataclasses import dataclass

from securemnist.view.svg import LINE, Drawing


@dataclass(frozen=True)
class Scale:
    """Numbers from `first` to `last`, mapped to coordinates from `start` to `end`."""

    first: float
    last: float
    start: float
    end: float

    def __call__(self, number: float) -> float:
        share = (number - self.first) / (self.last - self.first)
        return self.start + (self.end - self.start) * share


def round_step(length: float, most: int = 5) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that divides `length` into at most `most` steps."""
    power = 10.0 ** math.floor(math.log10(length / most))
    return next(power * k for k in (1, 2, 5, 10) if power * k >= length / most)


def percent_lines(
    drawing: Drawing, left: float, right: float, y: Scale, *, width: float = 1.0, size: float = 11
) -> None:
    """Horizontal lines at 0, 25, 50, 75 and 100 %, labelled at their left."""
    for share in (0, 0.25, 0.5, 0.75, 1):
        drawing.lines(LINE, [(left, y(share)), (right, y(share))], width=width)
        drawing.text(left - 6, y(share) + 4, f"{100 * share:.0f} %", size=size, anchor="end")
