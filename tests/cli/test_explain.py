"""What `securemnist explain` and errors about measures print."""

from __future__ import annotations

from click.testing import CliRunner

from securemnist.cli import main


def test_an_attack_is_explained_once() -> None:
    """No paper is named twice, and no default is the word None."""
    text = CliRunner().invoke(main, ["explain", "PGD"]).output
    assert text.count("arXiv 1706.06083") == 1
    assert "None" not in text


def test_the_names_of_stages_can_be_read() -> None:
    """The ladder's budgets end with what the numbers and letters of a stage mean."""
    text = CliRunner().invoke(main, ["explain", "ladder"]).output
    assert "budget smoke, threat patch: FGSM, PatchSearch-10x12" in text
    assert "FAB-B: BoundaryFAB" in text.rpartition("SparseRS-800")[2]


def test_a_family_in_place_of_a_measure() -> None:
    """Who names a family is shown its measures."""
    result = CliRunner().invoke(main, ["measure", "privacy", "--model", "baseline"])
    assert result.exit_code == 2
    assert "expected a measure such as membership_auroc, extraction_agreement, or" in result.output
