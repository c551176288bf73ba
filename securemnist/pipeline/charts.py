"""Charts of the pipeline: shares of several networks side by side, and training curves.

No meaning rests on colour: bars carry their numbers in the order of the legend, and lines differ in
markers and dashes. Every number stands in a table beside its picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from securemnist.pipeline.documents import Measured
from securemnist.report.bars import margin
from securemnist.view.axis import Scale, epoch_numbers, percent_lines, round_step
from securemnist.view.figure import Table
from securemnist.view.numbers import NONE, percent
from securemnist.view.svg import BAD, GOOD, INK, LINE, MUTED, WIDTH, Drawing

_THICK, _GAP = 13.0, 9.0  # pixels of a bar, and between two groups
_NUMBER = 44.0  # pixels of the number beside a bar
# Role and opacity of each series, different in lightness.
_SERIES = ((MUTED, 0.45), (BAD, 0.8), (GOOD, 0.9))
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 330.0, 26.0, 200.0  # of a training curve
_LINES = ((INK, "", "dot"), (GOOD, "5 3", "square"), (BAD, "1.5 3", "triangle"))


class Series(NamedTuple):
    """A name, and a number for each group or epoch; None where nothing was measured."""

    name: str
    values: Sequence[float | None]


def bars(groups: Sequence[str], series: Sequence[Series], *, alt: str) -> str:
    """For each group a bar of each series, on one scale from 0 to 100 %."""
    top, group = 22.0, _THICK * len(series) + _GAP
    drawing = Drawing(WIDTH, top + group * len(groups))
    left = margin(groups)
    width = Scale(0, 1, 0, WIDTH - left - _NUMBER)
    styles = _SERIES[: len(series)]
    drawing.legend(left, [(one.name, *style) for one, style in zip(series, styles, strict=True)])
    for place, label in enumerate(groups):
        y = top + place * group
        drawing.text(left - 6, y + _THICK * len(series) / 2 + 4, label, anchor="end")
        for one, (role, alpha) in zip(series, styles, strict=True):
            value = one.values[place]
            drawing.rect(left, y, width(value or 0), _THICK - 1.5, role, alpha=alpha)
            drawing.text(left + width(value or 0) + 5, y + 10, percent(value), INK, size=10)
            y += _THICK
    drawing.lines(LINE, [(left, top), (left, drawing.height - _GAP)])
    return drawing.element(alt)


def epochs(curves: Sequence[Series], *, shares: bool, alt: str) -> str:
    """Curves by epoch, from the first: shares from 0 to 100 %, or a loss from 0."""
    drawing = Drawing(WIDTH, 240)
    last = max(2, *(len(curve.values) for curve in curves))
    x = Scale(1, last, _LEFT, _RIGHT)
    most = max(value or 0.0 for curve in curves for value in curve.values)
    y = Scale(0, 1 if shares else 1.05 * max(most, 1e-6), _BOTTOM, _TOP)
    if shares:
        percent_lines(drawing, _LEFT, _RIGHT, y)
    else:
        _loss_lines(drawing, y)
    epoch_numbers(drawing, x, y)
    drawing.text((_LEFT + _RIGHT) / 2, _BOTTOM + 35, "epoch", anchor="middle")
    start = _LEFT
    for (name, values), (role, dash, mark) in zip(curves, _LINES, strict=False):
        points = [(x(k + 1), y(value)) for k, value in enumerate(values) if value is not None]
        drawing.marked(points, role, mark, width=1.8, size=2.8, dash=dash)
        drawing.mark(start + 4, 9, mark, role)
        drawing.text(start + 12, 13, name, role)
        start += 26 + 6.0 * len(name)
    return drawing.element(alt)


def _loss_lines(drawing: Drawing, y: Scale) -> None:
    """Horizontal lines at round numbers, labelled at their left."""
    step = round_step(y.last, 4)
    for number in range(int(y.last / step) + 1):
        place = y(number * step)
        drawing.lines(LINE, [(_LEFT, place), (_RIGHT, place)])
        drawing.text(_LEFT - 6, place + 4, f"{number * step:g}", anchor="end")


def numbers(name: str, rows: Sequence[tuple[str, Measured | None]]) -> Table:
    """A line for each number: value, interval, images and doubts; dashes where there is none."""
    return Table(
        head=(name, "value", "95 % interval", "images", "doubts"),
        rows=tuple((label, *_cells(one)) for label, one in rows),
    )


def _cells(one: Measured | None) -> tuple[str, ...]:
    if one is None:
        return (NONE,) * 4
    doubts = ", ".join(doubt.name for doubt in one.doubts)
    interval = f"{one.low:.4f} to {one.high:.4f}"
    return (f"{one.value:.4f}", interval, f"{one.n:,}", doubts or "none")
