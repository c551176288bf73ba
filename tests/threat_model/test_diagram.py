"""The data-flow diagram: nothing overlaps, and its words are those of the tables."""

from __future__ import annotations

import itertools
import re

import pytest

from securemnist._util import resources
from securemnist.threat_model import judge, load
from securemnist.threat_model.diagram import diagram
from securemnist.threat_model.flow_lines import lines_of
from securemnist.threat_model.layout import BOX, layout

MODEL = load(resources.THREATS)


def test_components_do_not_overlap() -> None:
    """Boxes and slots of one column lie below each other, inside the drawing."""
    places = layout(MODEL)
    entries = {id(n): n for route in places.routes.values() for n in route}
    entries |= {id(n): n for n in places.nodes.values()}
    for one, other in itertools.combinations(entries.values(), 2):
        if one.column == other.column:
            assert one.y + one.height <= other.y or other.y + other.height <= one.y
    for node in entries.values():
        assert node.x >= 0
        assert node.x + BOX[0] <= places.width
        assert node.y + node.height <= places.height


def test_lines_pass_no_component() -> None:
    """No point of a line that crosses columns lies inside a box."""
    places = layout(MODEL)
    for line in lines_of(places):
        for (ax, ay), (bx, by) in itertools.pairwise(line):
            for step in range(1, 40):
                x, y = ax + (bx - ax) * step / 40, ay + (by - ay) * step / 40
                inside = [
                    name
                    for name, node in places.nodes.items()
                    if node.x < x < node.x + BOX[0] and node.y < y < node.y + node.height
                ]
                assert not inside


def test_equal_models_give_equal_drawings() -> None:
    """The drawing depends on the model and the statuses only."""
    assert diagram(MODEL, []) == diagram(load(resources.THREATS), [])


@pytest.mark.parametrize("flow", MODEL.flows, ids=lambda flow: flow.id)
def test_the_description_names_every_flow(flow) -> None:
    """Who does not see the picture reads title and flows."""
    svg = diagram(MODEL, judge(MODEL, [], "2026-11-21"))
    description = re.search("<desc>(.*?)</desc>", svg)
    assert description is not None
    assert f"{MODEL.titles[flow.source]} to {MODEL.titles[flow.destination]}" in description[1]
    assert "<title>Data-flow diagram: Image classifier" in svg
