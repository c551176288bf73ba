"""Pictures with an axis: bars by class, the waterfall, accuracy over eps, timings.

No meaning rests on colour: lines differ in markers and dashes and carry their names, bars carry
their numbers, and every number stands in a table beside its picture.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from securemnist.report.accuracy_lines import Line
from securemnist.results.evidence.attack import StageResult
from securemnist.results.per_image import CLASSES
from securemnist.sanitize import line
from securemnist.view.svg import BAD, GOOD, INK, LINE, MARKS, MUTED, PAPER, Drawing
from securemnist.view.wording import NONE

WIDTH = 340
_DASHES = ("", "5 3", "1.5 3", "7 3 1.5 3", "3 3")


def bars(values: Sequence[float | None], limit: float | None, *, alt: str) -> str:
    """A share a class of something bad, from 0; `limit` is the most that the policy allows."""
    drawing = Drawing(WIDTH, 196)
    left, top, bottom = 4.0, 22.0, 170.0
    seen = [value for value in values if value is not None]
    most = max([*seen, limit or 0.0, 0.004]) * 1.1
    step = (WIDTH - left) / CLASSES

    def height(value: float) -> float:
        return (bottom - top) * value / most

    allowed = None if limit is None else bottom - height(limit)
    if allowed is not None:
        drawing.lines([(left, allowed), (WIDTH, allowed)], INK, dash="4 3")
    for digit, value in enumerate(values):
        x = left + digit * step
        drawing.text(x + step / 2, bottom + 17, digit, anchor="middle")
        shown = NONE if value is None else f"{100 * value:.1f}"
        drawing.rect(
            x + 4, bottom - height(value or 0), step - 8, height(value or 0), BAD, alpha=0.7
        )
        y = bottom - height(value or 0) - 5
        if allowed is not None and y - 11 < allowed < y + 4:  # no line through a number
            y = allowed - 4
        drawing.text(x + step / 2, y, shown, INK, size=11, anchor="middle", halo=True)
    drawing.lines([(left, bottom), (WIDTH, bottom)], LINE)
    return drawing.element(alt)


def waterfall(stages: Sequence[StageResult], *, alt: str) -> str:
    """The digits stage by stage: proved so far, still open, fell here."""
    left, right, row = 92.0, 64.0, 24.0
    drawing = Drawing(WIDTH, 24 + row * len(stages))
    most = max(stage.entered for stage in stages) or 1
    scale = (WIDTH - left - right) / most
    proved = 0
    for number, stage in enumerate(stages):
        y = 24 + number * row
        proved += stage.proved
        still = stage.entered - stage.fell - stage.proved
        x = left
        for count, role, alpha in (
            (proved, GOOD, 1.0),
            (still, GOOD, 0.45),
            (stage.fell, BAD, 0.85),
        ):
            drawing.rect(x, y, count * scale, row - 7, role, alpha=alpha)
            x += count * scale
        drawing.text(left - 8, y + 13, line(stage.stage, 14), anchor="end")
        drawing.text(WIDTH - right + 6, y + 13, f"{still + proved:,}", INK)
    names = [("proved", GOOD, 1.0)] if proved else []
    names += [("not broken", GOOD, 0.45), ("fell here", BAD, 0.85)]
    x = left
    for name, role, alpha in names:
        drawing.rect(x, 3, 10, 10, role, alpha=alpha)
        drawing.text(x + 14, 12, name)
        x += 26 + 6 * len(name)
    return drawing.element(alt)


class _Plane:
    """eps to the right, accuracy upwards, in the rectangle between the margins."""

    left, top, right, bottom = 34.0, 12.0, 250.0, 226.0

    def __init__(self, most: float) -> None:
        self.most = most

    def place(self, eps: float, accuracy: float) -> tuple[float, float]:
        x = self.left + (self.right - self.left) * eps / self.most
        return x, self.bottom - (self.bottom - self.top) * accuracy


def curve(lines: Sequence[Line], required: tuple[float, float] | None, *, alt: str) -> str:
    """Accuracy over eps: the subject strong, with the band above its proofs, the others thin."""
    drawing = Drawing(WIDTH, 262)
    most = max([0.01, *(p.eps for one in lines for p in one.points), *(required or ())[:1]])
    plane = _Plane(most)
    _axes(drawing, plane)
    for one in lines:
        if not one.reference:  # bands upon bands say nothing; the table has them
            _band(drawing, plane, one)
    thin = 0
    ends = []
    for one in reversed(lines):  # the subject's line comes last and lies on top
        role, width, dash, mark = INK, 2.4, "", "dot"
        if one.reference:
            thin += 1
            role, width = MUTED, 1.2
            dash, mark = _DASHES[thin % len(_DASHES)], MARKS[thin % len(MARKS)]
        elif one is not lines[0]:
            role, mark = GOOD, "square"
        points = [plane.place(p.eps, p.accuracy) for p in one.points]
        drawing.lines(points, role, width=width, dash=dash)
        for x, y in points:
            drawing.mark(x, y, mark, role, size=3.6 if role == INK else 2.6)
        ends.append((points[-1][1], one.name, role, mark))
    _names(drawing, plane, ends)
    if required is not None:
        x, y = plane.place(*required)
        drawing.lines([(x - 8, y), (x + 8, y)], BAD, width=2.5)
        drawing.text(x, y + 14, "required", BAD, size=10, anchor="middle", halo=True)
    return drawing.element(alt)


def _axes(drawing: Drawing, plane: _Plane) -> None:
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = plane.place(0, share)[1]
        drawing.lines([(plane.left, y), (plane.right, y)], LINE, width=0.8)
        drawing.text(plane.left - 6, y + 4, f"{100 * share:.0f} %", size=10, anchor="end")
    step = next((s for s in (0.01, 0.02, 0.05, 0.1, 0.2) if plane.most / s <= 5), 0.5)
    count = int(plane.most / step + 1e-9)
    for number in range(count + 1):
        x = plane.place(number * step, 0)[0]
        drawing.text(x, plane.bottom + 15, f"{number * step:g}", size=10, anchor="middle")
    middle = (plane.left + plane.right) / 2
    drawing.text(middle, plane.bottom + 31, "eps, the largest change of a pixel", anchor="middle")


def _band(drawing: Drawing, plane: _Plane, one: Line) -> None:
    """Between what is proved and what survived: there the truth lies."""
    known = [p for p in one.points if p.certified is not None]
    if len(known) > 1:
        upper = [plane.place(p.eps, p.accuracy) for p in known]
        lower = [plane.place(p.eps, p.certified or 0.0) for p in known]
        drawing.area([*upper, *reversed(lower)], GOOD, alpha=0.17)
        drawing.lines(lower, GOOD, width=1.6)


def _names(drawing: Drawing, plane: _Plane, ends: Sequence[tuple[float, str, str, str]]) -> None:
    """The names beside the ends of their lines, moved apart where they would touch."""
    ordered = sorted(ends)
    y = plane.top
    places = []
    for rest, (end, *_) in zip(range(len(ordered) - 1, -1, -1), ordered, strict=True):
        y = min(max(end, y), plane.bottom - 13 * rest)
        places.append(y)
        y += 13
    for (_, name, role, mark), y in zip(ordered, places, strict=True):
        drawing.mark(plane.right + 12, y, mark, role, size=3)
        drawing.text(plane.right + 19, y + 4, line(name, 12), role, size=10, bold=role == INK)


def times(series: Sequence[tuple[str, Sequence[float]]], *, alt: str) -> str:
    """Every sample as a dot on an axis of milliseconds, the median as a bar."""
    row = 58.0
    drawing = Drawing(WIDTH, row * len(series) + 34)
    most = 1.05 * max(1e-6, *(1000 * max(seconds) for _, seconds in series))
    left = 6.0

    def place(milliseconds: float) -> float:
        return left + (WIDTH - 2 * left) * milliseconds / most

    for number, (name, seconds) in enumerate(series):
        y = number * row + 40
        drawing.text(left, y - 26, line(name, 24), INK, bold=True)
        shown = _thinned([1000 * s for s in seconds])
        middle = 1000 * statistics.median(seconds)
        drawing.text(WIDTH - left, y - 26, f"median {middle:.3g} ms", anchor="end")
        drawing.rect(left, y - 14, WIDTH - 2 * left, 28, MUTED, alpha=0.07)
        for i, sample in enumerate(shown):
            drawing.mark(place(sample), y + ((7 * i) % 11 - 5) * 2, "dot", GOOD, size=2.4)
        drawing.lines([(place(middle), y - 15), (place(middle), y + 15)], PAPER, width=5)
        drawing.lines([(place(middle), y - 15), (place(middle), y + 15)], INK, width=2)
    bottom = row * len(series) + 16
    step = _step(most)
    for number in range(int(most / step) + 1):
        x = place(number * step)
        anchor = "middle" if number else "start"
        drawing.text(x, bottom, f"{number * step:g}", size=10, anchor=anchor)
    drawing.text(WIDTH / 2, bottom + 15, "milliseconds", anchor="middle")
    return drawing.element(alt)


def _step(most: float) -> float:
    """The distance of about five round marks on an axis up to `most`."""
    power = 10.0 ** math.floor(math.log10(most / 5))
    return next(power * k for k in (1, 2, 5, 10) if power * k >= most / 5)


def _thinned(values: Sequence[float], most: int = 80) -> list[float]:
    """At most `most` of the values, spread evenly over their order."""
    ordered = sorted(values)
    step = max(len(ordered) / most, 1.0)
    return [ordered[int(step * i)] for i in range(min(len(ordered), most))]
