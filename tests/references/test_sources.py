"""The page of the source systems: claims, measurements and reasons."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.sources import built, page, runs
from benchmarks.sources.reasons import REASONS, STANDS_FOR
from benchmarks.sources.systems import SEEDS, SYSTEMS
from securemnist.errors import PolicyError
from securemnist.references.published import Claim, inference_times, load


def test_sources_page_matches_data() -> None:
    """docs/sources.md equals, byte for byte, the page rendered from data, claims and reasons."""
    assert page.PAGE.read_text() == page.render(json.loads(page.DATA.read_text()))


@pytest.mark.parametrize("claim", load(), ids=lambda claim: f"{claim.system}-{claim.what}")
def test_claim_has_measurements_and_reason(claim: Claim) -> None:
    """A published number stands beside ours for three seeds, with the reason for the difference."""
    reason = REASONS[claim.system, claim.what]
    measured = json.loads(page.DATA.read_text())[STANDS_FOR.get(claim.system, claim.system)]
    assert len(measured) == len(SEEDS) >= 3
    assert all(reason.figure(seed[reason.role]) for seed in measured)
    assert reason.why


@pytest.mark.parametrize(
    ("what", "here", "proof"), [*built.BUILT, *built.BUILT_BY_D], ids=lambda text: text[:20]
)
def test_what_they_built_has_a_proof(what: str, here: str, proof: str) -> None:
    """What B and D built beside their numbers stands on the page with the tests that prove ours."""
    assert f"| {what} | {here} | `{proof}` |" in page.PAGE.read_text()
    assert "def test_" in (page.DOCS.parent / proof).read_text()


def test_malformed_claims_refused(tmp_path) -> None:
    """A malformed claims file is one sentence with its path."""
    path = tmp_path / "claims.toml"
    path.write_text('[[claim]]\nsystem = "A"\n')
    with pytest.raises(PolicyError, match=r"claims\.toml: expected \[\[claim\]\] tables"):
        load(path)


def test_inference_times_of_timed_systems() -> None:
    """Systems with a published time per image are listed with it in microseconds."""
    phrase = {entry.system: (entry.microseconds, entry.batch) for entry in inference_times()}
    assert phrase == {"A": (20.49, 1000), "D": (30.22, None)}


def test_source_recipes() -> None:
    """Another seed gives another network of the same recipe; A and C attack their own baseline."""
    for system in SYSTEMS.values():
        first, second = (system.recipes(seed, page.DOCS) for seed in (0, 1))
        assert first["baseline"].seed != second["baseline"].seed
        assert first["baseline"].architecture == system.name
        assert bool(first["robust"].source) == (system.name != "D")


def test_results_of_other_recipe_not_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed recipe uses its own folder, so old results are not reused."""
    before = runs.figures_file("A", 0)
    assert before == runs.figures_file("A", 0) != runs.figures_file("A", 1)
    longer = replace(SYSTEMS["A"], baseline=replace(SYSTEMS["A"].baseline, epochs=9))
    monkeypatch.setitem(SYSTEMS, "A", longer)
    assert runs.figures_file("A", 0) != before
