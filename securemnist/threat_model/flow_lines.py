"""The lines of data flows between the components of a layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from securemnist.threat_model.layout import BOX, Layout, Node
from securemnist.view.svg import Point

_FIRST_LANE, _LANE = 16, 12  # beside a column, for flows inside it that pass another component


def lines_of(places: Layout) -> list[list[Point]]:
    """The points of each flow from source to destination, in the order of the flows."""
    lanes, pairs = Counter[int](), Counter[frozenset[str]]()
    lines = []
    for name, route in places.routes.items():
        first, last = route[0], route[-1]
        if first.column != last.column:
            lines.append(_across(route, _share(places, 0, name), _share(places, -1, name)))
        elif places.adjacent(first, last):
            pair = frozenset((first.id, last.id))
            pairs[pair] += 1
            lines.append(_upright(first, last, pairs[pair]))
        else:
            lines.append(_beside(first, last, lanes[first.column]))
            lanes[first.column] += 1
    return lines


def _across(route: Sequence[Node], start: float, end: float) -> list[Point]:
    """From side to side, through the slots between; `start`, `end`: the share of the height."""
    first, last = route[0], route[-1]
    forward, right = last.column > first.column, BOX[0]
    points = [(first.x + right if forward else first.x, first.y + start * first.height)]
    for node in route[1:-1]:
        sides = (node.x, node.x + right)
        points += [(side, node.middle) for side in (sides if forward else sides[::-1])]
    return [*points, (last.x if forward else last.x + right, last.y + end * last.height)]


def _upright(first: Node, last: Node, number: int) -> list[Point]:
    """Between two neighbours of a column; further flows of a pair are on the right of the first."""
    x = first.x + min(0.3 + 0.2 * number, 0.9) * BOX[0]
    if first.y < last.y:
        return [(x, first.y + first.height), (x, last.y)]
    return [(x, first.y), (x, last.y + last.height)]


def _beside(first: Node, last: Node, lane: int) -> list[Point]:
    """On the right of a column, past the components between."""
    right, out = first.x + BOX[0], first.x + BOX[0] + _FIRST_LANE + _LANE * lane
    down = 0.75 if first.y < last.y else 0.25
    start, end = first.y + down * first.height, last.y + (1 - down) * last.height
    return [(right, start), (out, start), (out, end), (right, end)]


def _share(places: Layout, end: int, name: str) -> float:
    """How far down its side a flow meets a component: spread in the order of their other ends."""
    routes = places.routes
    node = routes[name][end]
    side = _direction(routes[name], end)
    beside = sorted(
        (_next(route, place).middle, other, place)
        for other, route in routes.items()
        for place in (0, -1)
        if route[place] is node and _direction(route, place) == side
    )
    position = [(other, place) for _, other, place in beside].index((name, end))
    return (position + 1) / (len(beside) + 1)


def _next(route: Sequence[Node], end: int) -> Node:
    """The node after the first, or before the last one."""
    return route[1] if end == 0 else route[-2]


def _direction(route: Sequence[Node], end: int) -> int:
    """-1: the flow leaves to the left; 1: to the right; 0: it stays in the column."""
    other, node = _next(route, end), route[end]
    return (other.column > node.column) - (other.column < node.column)
