"""The sentences of rows of the supply chain."""

from __future__ import annotations

import pytest

from securemnist.results.families import SUPPLY_CHAIN
from securemnist.results.findings import Requirement, Verdict
from securemnist.view.requirement_text import claim


def text(measure: str, at_most: float, **settings: str) -> str:
    """The sentence of a row."""
    row = Requirement(id="A", measure=measure, because="-", at_most=at_most, settings=settings)
    return claim(row.unmeasured(Verdict.NOT_RUN, "-"))


@pytest.mark.parametrize("measure", SUPPLY_CHAIN.measures)
def test_a_sentence_names_its_threshold(measure: str) -> None:
    """Each measure has a sentence of its own, which has the number that a row allows."""
    strict, loose = text(measure, 0), text(measure, 7)
    assert "7" in loose
    assert "7" not in strict
    assert strict.endswith(".")


def test_data_are_compared_in_two_ways() -> None:
    """A row that compares statistics does not claim equal digests."""
    assert "digests" in text("data_changes", 0)
    assert "digests" in text("data_changes", 0, compare="digests")
    by_statistics = text("data_changes", 0, compare="statistics")
    assert "statistics" in by_statistics
    assert "digests" not in by_statistics
