"""The matrix of components and flows by STRIDE: how many threats a cell has, and the worst status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from securemnist.threat_model.model import ThreatModel
from securemnist.threat_model.status import ORDER, Judged, Status, worst
from securemnist.threat_model.threat import Category


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The threats of one category to one element, the worst first."""

    threats: tuple[Judged, ...]

    @property
    def status(self) -> Status:
        """The worst status."""
        return worst(one.status for one in self.threats)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One component or flow with a cell for each category; None where there is no threat."""

    id: str
    title: str
    cells: tuple[Cell | None, ...]


def matrix(model: ThreatModel, judged: Sequence[Judged]) -> list[Line]:
    """A line for every component, and for every flow with a threat."""
    flows = {flow.id for flow in model.flows}
    lines = []
    for element, title in model.titles.items():
        own = [one for one in judged if element in one.threat.on]
        if own or element not in flows:
            cells = tuple(_cell(own, category) for category in Category)
            lines.append(Line(id=element, title=title, cells=cells))
    return lines


def _cell(judged: Sequence[Judged], category: Category) -> Cell | None:
    own = (one for one in judged if one.threat.category is category)
    ranked = tuple(sorted(own, key=lambda one: ORDER.index(one.status)))
    return Cell(threats=ranked) if ranked else None
