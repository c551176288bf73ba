"""The model card of a report folder: what people wrote into it stays, an unchanged one is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist import report
from securemnist.errors import UsageError
from securemnist.exports import model_card
from securemnist.report import swap
from tests.report import example
from tests.report.test_folder import WAYS

MINE = "My own words about the model."


@pytest.fixture(autouse=True)
def _no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are no GitHub job, wherever they run."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def _written(folder: Path, name: str) -> Path:
    """The card of a report about a model of this name."""
    subject = {**example.assessment().subject, "name": name}
    report.write(example.assessment(findings=example.findings()[:2], subject=subject), folder)
    return folder / model_card.FILE


@pytest.mark.parametrize("way", WAYS)
def test_an_edited_card_keeps_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """The next report writes only between the markers of a card that was changed."""
    if way == "in place":
        monkeypatch.setattr(swap, "_exchange", lambda *_: False)
    card = _written(tmp_path / "out", "first")
    head, sign, rest = card.read_text().partition("Write about the model here")
    card.write_text(f"{head}{MINE} {sign}{rest}")
    again = _written(tmp_path / "out", "second").read_text()
    assert MINE in again
    assert "# first" in again
    assert "## Security assessment: second" in again
    assert "## Security assessment: first" not in again


def test_a_card_that_was_not_edited_is_new(tmp_path: Path) -> None:
    """A card as it was written has nothing of the earlier model in the next report."""
    _written(tmp_path, "first")
    assert "first" not in _written(tmp_path, "second").read_text()


@pytest.mark.parametrize("content", ["# My model\n", ""])
def test_a_card_without_markers_is_refused_before_the_run(tmp_path: Path, content: str) -> None:
    """It is found before hours of work, and neither it nor the old report is changed."""
    _written(tmp_path, "first")
    (tmp_path / model_card.FILE).write_text(content)
    before = (tmp_path / "index.html").read_bytes()
    for attempt in (report.check_report, lambda folder: _written(folder, "second")):
        with pytest.raises(UsageError, match=r"MODEL_CARD\.md: expected the lines"):
            attempt(tmp_path)
    assert (tmp_path / model_card.FILE).read_text() == content
    assert (tmp_path / "index.html").read_bytes() == before
