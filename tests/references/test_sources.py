"""The page of the source systems says what was measured, of every claim, with every seed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.sources import page, runs
from benchmarks.sources.reasons import REASONS, STANDS_FOR
from benchmarks.sources.systems import SEEDS, SYSTEMS
from securemnist.errors import PolicyError
from securemnist.references.published import Claim, inference_times, load


def test_the_page_is_rendered_from_the_figures() -> None:
    """docs/sources.md is what its data, the claims and the reasons give today, byte for byte."""
    assert page.PAGE.read_text() == page.render(json.loads(page.DATA.read_text()))


@pytest.mark.parametrize("claim", load(), ids=lambda claim: f"{claim.system}-{claim.what}")
def test_every_claim_is_answered(claim: Claim) -> None:
    """A published number stands beside ours of three seeds, with the reason why they differ."""
    reason = REASONS[claim.system, claim.what]
    measured = json.loads(page.DATA.read_text())[STANDS_FOR.get(claim.system, claim.system)]
    assert len(measured) == len(SEEDS) >= 3
    assert all(reason.figure(seed[reason.role]) for seed in measured)
    assert reason.why


def test_another_file_is_refused(tmp_path) -> None:
    """Claims of another form end in a sentence that names the file."""
    path = tmp_path / "claims.toml"
    path.write_text('[[claim]]\nsystem = "A"\n')
    with pytest.raises(PolicyError, match=r"claims\.toml: expected \[\[claim\]\] tables"):
        load(path)


def test_only_what_was_timed_has_a_time() -> None:
    """Of the systems, those that published a time an image are shown with it, in microseconds."""
    told = {entry.system: (entry.microseconds, entry.batch) for entry in inference_times()}
    assert told == {"A": (20.49, 1000), "D": (30.22, None)}


def test_the_recipes_are_those_of_the_sources() -> None:
    """Another seed gives another network of the same recipe; A and C attack their own baseline."""
    for system in SYSTEMS.values():
        first, second = (system.recipes(seed, page.DOCS) for seed in (0, 1))
        assert first["baseline"].seed != second["baseline"].seed
        assert first["baseline"].architecture == system.name
        assert bool(first["robust"].source) == (system.name != "D")


def test_figures_of_another_recipe_are_not_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed recipe works in a folder of its own, so that it never answers with old figures."""
    before = runs.figures_file("A", 0)
    assert before == runs.figures_file("A", 0) != runs.figures_file("A", 1)
    longer = replace(SYSTEMS["A"], baseline=replace(SYSTEMS["A"].baseline, epochs=9))
    monkeypatch.setitem(SYSTEMS, "A", longer)
    assert runs.figures_file("A", 0) != before
