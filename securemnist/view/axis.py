"""Axes of charts: a linear scale, round steps, and lines of percent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from securemnist.view.svg import LINE, WIDTH, Drawing


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


def share_plot(
    first: float,
    last: float,
    *,
    top: float = 12.0,
    bottom: float,
    left: float = 42.0,
    right: float = WIDTH - 10.0,
) -> tuple[Drawing, Scale, Scale]:
    """A drawing with lines of percent, its scale from `first` to `last`, and that of shares."""
    drawing = Drawing(WIDTH, bottom + 36)
    x, y = Scale(first, last, left, right), Scale(0, 1, bottom, top)
    percent_lines(drawing, left, right, y, width=0.8, size=10)
    return drawing, x, y


def name_axis(drawing: Drawing, x: Scale, y: Scale, name: str) -> None:
    """The name of the horizontal axis of a `share_plot`, below its numbers."""
    drawing.text((x.start + x.end) / 2, y.start + 31, name, anchor="middle")


def quarter_numbers(drawing: Drawing, x: Scale, y: Scale, form: Callable[[float], str]) -> None:
    """Five numbers below a `share_plot`, from the first to the last of its axis."""
    for quarter in range(5):
        number = x.first + (x.last - x.first) * quarter / 4
        anchor = "end" if quarter == 4 else "middle"
        drawing.text(x(number), y.start + 15, form(number), size=10, anchor=anchor)


def epoch_numbers(drawing: Drawing, x: Scale, y: Scale) -> None:
    """The first epoch and round ones below the axis."""
    first, last = int(x.first), int(x.last)
    step = max(round_step(last - first, 8), 1)
    for epoch in range(first, last + 1):
        if epoch == first or epoch % step == 0:
            drawing.text(x(epoch), y.start + 17, epoch, anchor="middle")
