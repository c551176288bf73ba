"""The data-flow diagram: trust zones, components by kind with their worst status, numbered flows."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from securemnist.threat_model.elements import Component
from securemnist.threat_model.flow_lines import lines_of
from securemnist.threat_model.layout import BOX, ROOM, Node, layout
from securemnist.threat_model.model import ThreatModel
from securemnist.threat_model.status import Judged, worst
from securemnist.view.numbers import plural
from securemnist.view.svg import INK, LINE, MUTED, PAPER, Drawing, Point
from securemnist.view.wording import kind

_ARROW = 8
_CORNER = 16  # cut off the corners of a process


def diagram(model: ThreatModel, judged: Sequence[Judged]) -> str:
    """An <svg> element with title and description; the tables beside it hold the same facts."""
    places = layout(model)
    drawing = Drawing(places.width, places.height)
    for number, zone in enumerate(model.zones):
        left = 24 + number * (BOX[0] + ROOM)
        drawing.rect(left - 14, 8, BOX[0] + 28, places.height - 16, LINE, alpha=0.35)
        drawing.text(left, 30, zone.title, INK, size=13, bold=True)
        drawing.text(left, 46, f"trust {zone.trust} %", size=11)
    labels = [
        _flow(drawing, line, both=flow.both_ways)
        for flow, line in zip(model.flows, lines_of(places), strict=True)
    ]
    for component in model.components:
        own = [one for one in judged if component.id in one.threat.on]
        _component(drawing, places.nodes[component.id], component, own)
    for number, (x, y) in enumerate(labels, 1):
        drawing.mark(x, y, "dot", PAPER, size=10)
        drawing.text(x, y + 4, number, INK, size=11, anchor="middle", bold=True)
    return drawing.element(f"Data-flow diagram: {model.title}", _description(model))


def _description(model: ThreatModel) -> str:
    """The flows in words, for readers that do not see them."""
    titles = model.titles
    flows = (
        f"{number} {titles[flow.source]} to {titles[flow.destination]}: {flow.title}"
        for number, flow in enumerate(model.flows, 1)
    )
    return "Trust zones from left to right. " + "; ".join(flows)


def _component(
    drawing: Drawing, node: Node, component: Component, judged: Sequence[Judged]
) -> None:
    """An outline by kind, the title, and how many threats it has with the worst status."""
    x, y, (width, height) = node.x, node.y, BOX
    _outline(drawing, x, y, component.kind)
    words = textwrap.wrap(component.title, 22)[:2] or [component.id]
    for number, word in enumerate(words):
        top = y + (24 if len(words) == 1 else 19) + 14 * number
        drawing.text(x + width / 2, top, word, INK, size=12.5, anchor="middle", bold=True)
    if judged:
        status = worst(one.status for one in judged)
        count = plural(len(judged), "threat")
        role = kind(status.verdict)
        text = f"{status.symbol} {status}, {count}"
        drawing.text(x + width / 2, y + height - 9, text, role, size=11, anchor="middle", bold=True)


def _outline(drawing: Drawing, x: float, y: float, shape: str) -> None:
    """A rectangle for an external entity, cut corners for a process, two lines for a store."""
    width, height = BOX
    if shape == "process":
        c = _CORNER
        corners: list[Point] = [
            (x + c, y), (x + width - c, y), (x + width, y + c), (x + width, y + height - c),
            (x + width - c, y + height), (x + c, y + height), (x, y + height - c), (x, y + c),
        ]  # fmt: skip
        drawing.area(corners, PAPER)
        drawing.lines(INK, [*corners, corners[0]], width=1.5)
        return
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    drawing.area(corners, PAPER)
    if shape == "store":
        drawing.lines(INK, corners[:2], corners[2:], width=2)
    else:
        drawing.lines(INK, [*corners, corners[0]], width=1.5)


def _flow(drawing: Drawing, points: Sequence[Point], *, both: bool) -> Point:
    """A line with an arrow at its end, or at both; returns the place of its number."""
    drawing.lines(MUTED, points, width=1.5)
    _arrow(drawing, points[-2], points[-1])
    if both:
        _arrow(drawing, points[1], points[0])
    middle = len(points) // 2
    (ax, ay), (bx, by) = points[middle - 1], points[middle]
    return (ax + bx) / 2, (ay + by) / 2


def _arrow(drawing: Drawing, before: Point, tip: Point) -> None:
    dx, dy = tip[0] - before[0], tip[1] - before[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    ux, uy = dx / length, dy / length
    bx, by = tip[0] - _ARROW * ux, tip[1] - _ARROW * uy
    half = _ARROW / 2
    drawing.area([tip, (bx - half * uy, by + half * ux), (bx + half * uy, by - half * ux)], MUTED)
