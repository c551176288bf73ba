"""The threats of the source systems are in the bundled threat model, and on the page of the sources."""

from __future__ import annotations

import pytest

from benchmarks.sources import page
from securemnist._util import resources
from securemnist.results import policy
from securemnist.threat_model import load

MODEL = load(resources.THREATS)
# What each source describes, by category: the number of its threats.
DESCRIBED = {
    "A": {"S": 1, "T": 3, "R": 1, "I": 3, "D": 1, "E": 1},
    "B": {"S": 0, "T": 3, "R": 1, "I": 0, "D": 1, "E": 0},
    "C": {"S": 2, "T": 3, "R": 1, "I": 4, "D": 2, "E": 3},
    "D": {"S": 1, "T": 2, "R": 1, "I": 3, "D": 2, "E": 1},
}
# B's matrix: the components for which it names a threat of a category.
OF_B = {("data-set", "T"), ("data-set", "R"), ("data-set", "D"), ("weight-file", "T"),
        ("weight-file", "R"), ("weight-file", "D"), ("page", "T"), ("page", "D")}  # fmt: skip


@pytest.mark.parametrize("source", DESCRIBED)
def test_every_threat_of_a_source_is_in_the_model(source: str) -> None:
    """The model has as many threats of each category as the source describes."""
    found = dict.fromkeys("STRIDE", 0)
    for threat in MODEL.threats:
        found[threat.category] += source in threat.sources
    assert found == DESCRIBED[source]


def test_the_matrix_of_source_b_is_in_the_model() -> None:
    """Each component and category that B marks has a threat of B."""
    marked = {(on, t.category.value) for t in MODEL.threats if "B" in t.sources for on in t.on}
    assert marked >= OF_B


@pytest.mark.parametrize("threat", MODEL.threats, ids=lambda threat: threat.id)
def test_the_page_of_the_sources_marks_every_threat(threat) -> None:
    """docs/sources.md gives its id with the rows that test it, or says that it is uncovered."""
    known = [row.id for row in policy.load(resources.POLICY).requirements]
    (line,) = [line for line in page.PAGE.read_text().splitlines() if f"| {threat.id} |" in line]
    rows = "**uncovered**" if threat in MODEL.uncovered(known) else ", ".join(threat.requirements)
    assert line.endswith(f"| {rows} |")
    assert f"| {', '.join(threat.sources)} |" in line
    assert threat.sources
    assert set(threat.requirements) <= set(known)
