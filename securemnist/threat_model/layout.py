"""Places of components and flows in the data-flow diagram: one column a trust zone.

A layered layout (Sugiyama et al., doi 10.1109/TSMC.1981.4308636): a flow that passes a column gets a
slot of its own there. The entries of a column are ordered by the mean place of their neighbours.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from securemnist.threat_model.elements import Flow
from securemnist.threat_model.model import ThreatModel

BOX, ROOM = (176, 58), 76  # of a component; between columns
_SLOT, _GAP, _TOP, _LEFT = 30, 34, 64, 24
_SWEEPS = 8
_MOST_SWAPPED = 40  # entries of a column; the time grows with the cube of their number
_LANES = 40  # on the right of the last column


@dataclass
class Node:
    """A component, or the slot of a flow in a column that it passes."""

    id: str
    column: int
    height: int
    y: float = 0.0
    neighbours: list[Node] = field(default_factory=list, repr=False)

    @property
    def x(self) -> float:
        """Left edge."""
        return _LEFT + self.column * (BOX[0] + ROOM)

    @property
    def middle(self) -> float:
        """Middle of the height."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Layout:
    """Places in CSS pixels; `routes`: the nodes that each flow touches, from source to destination."""

    nodes: Mapping[str, Node]
    routes: Mapping[str, Sequence[Node]]
    width: float
    height: float

    def adjacent(self, one: Node, other: Node) -> bool:
        """Whether nothing lies between two entries of one column."""
        low, high = sorted((one.y, other.y))
        entries = {id(node): node for route in self.routes.values() for node in route}
        entries |= {id(node): node for node in self.nodes.values()}
        between = (n for n in entries.values() if n.column == one.column and low < n.y < high)
        return one.column == other.column and not any(between)


def layout(model: ThreatModel) -> Layout:
    """The places of all components and flows; equal models give equal places."""
    columns = {zone.id: number for number, zone in enumerate(model.zones)}
    nodes = {c.id: Node(c.id, columns[c.zone], BOX[1]) for c in model.components}
    routes = {flow.id: _route(flow, nodes) for flow in model.flows}
    by_column: dict[int, list[Node]] = defaultdict(list)
    for node in nodes.values():
        by_column[node.column].append(node)
    for route in routes.values():
        for node in route[1:-1]:
            by_column[node.column].append(node)
        for before, after in itertools.pairwise(route):
            before.neighbours.append(after)
            after.neighbours.append(before)
    _order(by_column)
    height = max(_stack(members) for members in by_column.values())
    for members in by_column.values():
        shift = (height - _stack(members)) / 2
        for node in members:
            node.y += shift
    width = 2 * _LEFT + len(columns) * BOX[0] + (len(columns) - 1) * ROOM + _LANES
    return Layout(nodes, routes, width, _TOP + height + _LEFT)


def _route(flow: Flow, nodes: Mapping[str, Node]) -> list[Node]:
    """Source, a slot in each column between, destination."""
    start, end = nodes[flow.source], nodes[flow.destination]
    step = 1 if end.column > start.column else -1
    passed = range(start.column + step, end.column, step) if start.column != end.column else ()
    return [start, *(Node(flow.id, column, _SLOT) for column in passed), end]


def _order(by_column: Mapping[int, list[Node]]) -> None:
    """Sort each column by the mean place of the neighbours, several times from left to right and back."""
    columns = sorted(by_column)
    for members in by_column.values():
        _stack(members)
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            members = by_column[column]
            members.sort(key=_mean_place)
            _stack(members)
    small = [members for members in by_column.values() if len(members) <= _MOST_SWAPPED]
    for _ in range(_SWEEPS):
        for members in small:
            _swap(members)


def _swap(members: list[Node]) -> None:
    """Exchange entries of a column, near ones and far ones, where that shortens their flows."""
    for distance in (1, 2, 3):
        for place in range(len(members) - distance):
            before = _length(members)
            other = place + distance
            members[place], members[other] = members[other], members[place]
            _stack(members)
            if _length(members) >= before:
                members[place], members[other] = members[other], members[place]
                _stack(members)


def _length(members: Sequence[Node]) -> float:
    """How far up or down the flows of a column go; inside it they have to pass other components."""
    return sum(
        abs(node.middle - other.middle) * (2 if other.column == node.column else 1)
        for node in members
        for other in node.neighbours
    )


def _mean_place(node: Node) -> float:
    beside = [other.middle for other in node.neighbours]
    return sum(beside) / len(beside) if beside else node.middle


def _stack(members: Sequence[Node]) -> float:
    """Place the entries of a column below each other; returns the height they take."""
    y = float(_TOP)
    for node in members:
        node.y = y
        y += node.height + _GAP
    return y - _TOP - _GAP
