"""Pictures with an axis: the waterfall, accuracy over eps, timings.

In no picture of the report does a meaning rest on colour: lines differ in markers and dashes and carry
their names, bars and cells carry their numbers. Every number stands in a table beside its picture.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from securemnist.epsilon import parse_epsilon
from securemnist.results.evidence.attack import AttackEvidence, CurvePoint, StageResult
from securemnist.results.findings import Finding
from securemnist.results.json_model import table
from securemnist.results.value_types import LARGEST_EPSILON
from securemnist.sanitize import line
from securemnist.view.axis import Scale, name_axis, round_step, share_plot
from securemnist.view.svg import BAD, GOOD, INK, MARKS, MUTED, PAPER, WIDTH, Drawing

_MOST_DOTS = 80  # of the timings of one series
_LEFT, _TOP, _RIGHT, _BOTTOM = 34.0, 12.0, 250.0, 226.0  # of the curve
Y = Scale(0, 1, _BOTTOM, _TOP)
_WATERFALL = (("proved", GOOD, 1.0), ("not broken", GOOD, 0.45), ("broken here", BAD, 0.85))
_DASHES = ("", "5 3", "1.5 3", "7 3 1.5 3", "3 3")
# Letters of a stage's name beside its bar; of a union the name begins with its threat.
_SHORT, _LONG = 14, 24


def waterfall(stages: Sequence[StageResult], *, alt: str) -> str:
    """The samples stage by stage: proved so far, still open, broken by the stage."""
    long = max(len(stage.stage) for stage in stages) > _SHORT
    left, right, row = 150.0 if long else 92.0, 64.0, 24.0
    drawing = Drawing(WIDTH, 24 + row * len(stages))
    width = Scale(0, max(stage.entered for stage in stages) or 1, 0, WIDTH - left - right)
    proved = 0
    for number, stage in enumerate(stages):
        y = 24 + number * row
        proved += stage.proved
        still = stage.entered - stage.fell - stage.proved
        x = left
        for count, (_, role, alpha) in zip((proved, still, stage.fell), _WATERFALL, strict=True):
            drawing.rect(x, y, width(count), row - 7, role, alpha=alpha)
            x += width(count)
        name = line(stage.stage, _LONG if long else _SHORT)
        drawing.text(left - 8, y + 13, name, anchor="end")
        drawing.text(WIDTH - right + 6, y + 13, f"{still + proved:,}", INK)
    drawing.legend(left, _WATERFALL if proved else _WATERFALL[1:])
    return drawing.element(alt)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points of one network under one attack, by eps; `reference` is a network beside the subject."""

    name: str
    attack: str
    points: tuple[CurvePoint, ...]
    reference: bool = False


def lines_of(evidence: AttackEvidence) -> list[Line]:
    """The lines to draw; none where no accuracy over epsilon was measured."""
    if not evidence.curve:
        return []
    lines = _lines(evidence.curve, "")
    for reference in evidence.reference_curves:
        lines += _lines(reference.points, line(reference.model, 40))
    return lines


def _lines(points: Sequence[CurvePoint], model: str) -> list[Line]:
    found: dict[str, list[CurvePoint]] = {}
    for point in points:
        found.setdefault(line(point.attack, 24), []).append(point)
    return [
        Line(
            name=model or (attack if len(found) > 1 else "this model"),
            attack=attack,
            points=tuple(sorted(points, key=lambda point: point.eps)),
            reference=bool(model),
        )
        for attack, points in found.items()
    ]


def required(finding: Finding) -> tuple[float, float] | None:
    """Size of change and least accuracy that a row asks for; None where its settings say neither."""
    threat, at_least = finding.requirement.settings.get("threat"), finding.requirement.at_least
    try:
        eps = parse_epsilon(table(threat).get("eps"))
    except ValueError:
        return None
    return (eps, at_least) if 0 <= eps <= LARGEST_EPSILON and at_least is not None else None


def share_over(sizes: Sequence[float], right: float, label: str) -> tuple[Drawing, Scale]:
    """A drawing with axes: percent upwards, and from 0 to the largest of `sizes` to the right."""
    most = max([0.01, *sizes])
    drawing, x, y = share_plot(0, most, bottom=_BOTTOM, left=_LEFT, right=right)
    step = round_step(most)
    for number in range(int(most / step + 1e-9) + 1):
        drawing.text(x(number * step), _BOTTOM + 15, f"{number * step:g}", size=10, anchor="middle")
    name_axis(drawing, x, y, label)
    return drawing, x


def mark_required(drawing: Drawing, x: Scale, place: tuple[float, float] | None) -> None:
    """A short line at what the row asks for."""
    if place is not None:
        at, y = x(place[0]), Y(place[1])
        drawing.lines(BAD, [(at - 8, y), (at + 8, y)], width=2.5)
        drawing.text(at, y + 14, "required", BAD, size=10, anchor="middle", halo=True)


def curve(lines: Sequence[Line], required: tuple[float, float] | None, *, alt: str) -> str:
    """Accuracy over eps: the subject strong, with the band above its proofs, the others thin."""
    sizes = [*(p.eps for item in lines for p in item.points), *(required or ())[:1]]
    drawing, x = share_over(sizes, _RIGHT, "eps, the largest change of a pixel")
    for item in lines:
        if not item.reference:  # bands upon bands say nothing; the table has them
            _band(drawing, x, item)
    thin = 0
    ends = []
    for item in reversed(lines):  # the subject's line comes last and lies on top
        role, width, dash, mark = INK, 2.4, "", "dot"
        if item.reference:
            thin += 1
            role, width = MUTED, 1.2
            dash, mark = _DASHES[thin % len(_DASHES)], MARKS[thin % len(MARKS)]
        elif item is not lines[0]:
            role, mark = GOOD, "square"
        points = [(x(p.eps), Y(p.accuracy)) for p in item.points]
        size = 3.6 if role == INK else 2.6
        drawing.marked(points, role, mark, width=width, size=size, dash=dash)
        ends.append((points[-1][1], item.name, role, mark))
    _names(drawing, ends)
    mark_required(drawing, x, required)
    return drawing.element(alt)


def _band(drawing: Drawing, x: Scale, item: Line) -> None:
    """Between what is proved and what survived: there the truth lies."""
    known = [p for p in item.points if p.certified is not None]
    if len(known) > 1:
        upper = [(x(p.eps), Y(p.accuracy)) for p in known]
        lower = [(x(p.eps), Y(p.certified or 0.0)) for p in known]
        drawing.area([*upper, *reversed(lower)], GOOD, alpha=0.17)
        drawing.lines(GOOD, lower, width=1.6)


def _names(drawing: Drawing, ends: Sequence[tuple[float, str, str, str]]) -> None:
    """The names beside the ends of their lines, moved apart where they would touch."""
    ordered = sorted(ends)
    y = _TOP
    places = []
    for rest, (end, *_) in zip(range(len(ordered) - 1, -1, -1), ordered, strict=True):
        y = min(max(end, y), _BOTTOM - 13 * rest)
        places.append(y)
        y += 13
    for (_, name, role, mark), y in zip(ordered, places, strict=True):
        drawing.mark(_RIGHT + 12, y, mark, role, size=3)
        drawing.text(_RIGHT + 19, y + 4, line(name, 12), role, size=10, bold=role == INK)


def times(series: Sequence[tuple[str, Sequence[float]]], *, alt: str) -> str:
    """Every sample as a dot on an axis of milliseconds, the median as a bar."""
    row, left = 58.0, 6.0
    drawing = Drawing(WIDTH, row * len(series) + 34)
    most = 1.05 * max(1e-6, *(1000 * max(seconds) for _, seconds in series))
    x = Scale(0, most, left, WIDTH - left)
    for number, (name, seconds) in enumerate(series):
        y = number * row + 40
        drawing.text(left, y - 26, line(name, 24), INK, bold=True)
        middle = 1000 * statistics.median(seconds)
        drawing.text(WIDTH - left, y - 26, f"median {middle:.3g} ms", anchor="end")
        drawing.rect(left, y - 14, WIDTH - 2 * left, 28, MUTED, alpha=0.07)
        for i, sample in enumerate(_thinned([1000 * s for s in seconds])):
            drawing.mark(x(sample), y + ((7 * i) % 11 - 5) * 2, "dot", GOOD, size=2.4)
        for role, width in ((PAPER, 5), (INK, 2)):
            drawing.lines(role, [(x(middle), y - 15), (x(middle), y + 15)], width=width)
    bottom = row * len(series) + 16
    step = round_step(most)
    for number in range(int(most / step) + 1):
        anchor = "middle" if number else "start"
        drawing.text(x(number * step), bottom, f"{number * step:g}", size=10, anchor=anchor)
    drawing.text(WIDTH / 2, bottom + 15, "milliseconds", anchor="middle")
    return drawing.element(alt)


def _thinned(values: Sequence[float]) -> list[float]:
    """At most 80 of the values, spread evenly over their order."""
    ordered = sorted(values)
    step = max(len(ordered) / _MOST_DOTS, 1.0)
    return [ordered[int(step * i)] for i in range(min(len(ordered), _MOST_DOTS))]
