"""`securemnist card`: a model card of a stored assessment, written again around people's text."""

from __future__ import annotations

from pathlib import Path

import pytest

from securemnist.errors import UsageError
from securemnist.results.findings import Finding, Verdict
from tests.commands import run
from tests.error_form import one_sentence
from tests.report import example


@pytest.fixture
def folder(cwd: Path) -> Path:
    """A working folder with a stored assessment in `reports`."""
    store(example.findings()[:2])
    return cwd


def store(findings: tuple[Finding, ...]) -> None:
    """An assessment of these findings in the usual place."""
    Path("reports").mkdir(exist_ok=True)
    Path("reports/assessment.json").write_bytes(example.assessment(findings=findings).dumps())


def test_a_card_is_written_and_then_only_its_marked_parts(folder: Path) -> None:
    """The first call makes the file, the second keeps what was added and writes the new verdict."""
    done = run("card")
    assert done.exit_code == 0
    assert "MODEL_CARD.md: written" in done.output
    card = folder / "MODEL_CARD.md"
    mine = card.read_text().replace("license: unknown", "license: mit") + "\nMy own words.\n"
    card.write_text(mine)
    store((*example.findings()[:2], example.findings()[3]))
    done = run("card", "reports/assessment.json", "--out", "MODEL_CARD.md")
    assert done.exit_code == 0
    assert "marked parts were written anew" in done.output
    assert "Do not merge" in done.output
    text = card.read_text()
    assert text.startswith("---\nlicense: mit")
    assert text.endswith("\nMy own words.\n")
    assert "**ADV-02**" in text


def test_a_waiver_is_judged_today(folder: Path) -> None:
    """A waiver that has ended since the assessment does not count in the card."""
    (waived,) = (f for f in example.findings() if f.requirement.id == "ADV-02")
    assert waived.requirement.waiver is not None
    assert waived.verdict is Verdict.FAIL
    store((waived,))
    run("card")
    assert "⚑" not in (folder / "MODEL_CARD.md").read_text()


@pytest.mark.parametrize(
    ("words", "content", "message"),
    [
        (("card",), "# Mine\n", "MODEL_CARD.md: expected the lines"),
        (("card", "missing.json"), None, "missing.json: cannot be read"),
        (("card", "--out", "reports"), None, "expected a model card that can be read"),
        (("card", "--out", "reports/assessment.json/card.md"), None, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_refused(
    folder: Path, words: tuple[str, ...], content: str | None, message: str
) -> None:
    """Exit code 2 with one sentence; a file that is there stays as it is."""
    card = folder / "MODEL_CARD.md"
    if content is not None:
        card.write_text(content)
    done = run(*words)
    assert done.exit_code == 2
    assert message in done.output
    one_sentence(UsageError(done.output.strip().removeprefix("securemnist: ")))
    assert card.exists() is (content is not None)
    assert content is None or card.read_text() == content
