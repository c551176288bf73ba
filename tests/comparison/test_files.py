"""The files of a comparison: JSON to its schema, a comment and a page in which nothing foreign acts."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from securemnist.comparison import files, page, terminal, wording
from securemnist.comparison.change import Word
from securemnist.comparison.comparison import Comparison, compare
from securemnist.errors import UsageError
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Verdict, Waiver
from tests.comparison.builders import TODAY, assessment, changed, codes, compared, read_as, robust
from tests.report import hostile
from tests.report.markup import Markup
from tests.schemas import FOLDER

SCHEMA = json.loads((FOLDER / "comparison.schema.json").read_text())
OLD = robust(codes(range(700)))
WORSE = robust(codes(range(900)), max_drop=0.01)


def every_word() -> Comparison:
    """A comparison with every word, a waiver, and a row on one side only."""
    waiver = Waiver(reason="retraining is scheduled", expires="2026-12-31")
    few = [robust(codes(range(n), 100), name="ADV-04") for n in (7, 9)]
    old = [OLD, few[0], robust(codes(range(900)), name="ADV-05"), read_as("0" * 10_000, at_least=0)]
    new = [
        WORSE,
        few[1],
        robust(codes(range(100)), name="ADV-05"),
        read_as("0" * 10_000, at_least=0),
        changed(WORSE, id="ADV-06", waiver=waiver),
        WORSE.requirement.unmeasured(Verdict.ERROR, "the attack crashed"),
    ]
    old += [changed(OLD, id="ADV-06"), changed(OLD, id="ADV-07")]
    new[-1] = changed(new[-1], id="ADV-07")
    return compare(assessment(*old), assessment(*new, digest="new"))


def test_json_to_its_schema() -> None:
    """compare.json is what its schema says, for every word, a waiver and an unmeasured row."""
    data = json.loads(json.dumps(every_word().to_json(), allow_nan=False))
    assert {change["word"] for change in data["changes"]} == set(data["counts"])
    jsonschema.validate(data, SCHEMA)
    data["changes"][0]["word"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMA)


def test_the_comment_says_what_stands_in_the_way() -> None:
    """The answer comes first, then each row in the way with its numbers and its next step."""
    text = files.comment(every_word()).decode()
    assert text.startswith("## ✗ Do not replace the old one\n")
    for phrase in (
        "**ADV-03**",
        "max\\_drop 0.01: FAIL, measured 0.02",
        "200 newly broken",
        "⚑ waived",
    ):
        assert phrase in text
    assert text.index("ADV-03") < text.index("<details>") < text.index("ADV-05")
    assert len(text) < 6_000


def test_a_comment_fits_github() -> None:
    """However many rows block, GitHub takes the comment, and the number of rows left out is in it."""
    waiver = Waiver(reason="@" * 300, expires=TODAY)
    rows = [changed(WORSE, id=f"ADV-{n}", waiver=waiver) for n in range(150)]
    old = [changed(OLD, id=f"ADV-{n}") for n in range(150)]
    blocking = compare(assessment(*old), assessment(*rows, digest="new"), today="2027-01-01")
    assert len(blocking.blocking) == 150
    text = files.comment(blocking).decode()
    assert len(text) < 65_536
    left_out = re.search(r"(\d+) more rows in compare\.html\.", text)
    assert left_out is not None
    assert text.count("| **ADV-") == 150 - int(left_out[1])


def test_the_page_is_whole(tmp_path: Path) -> None:
    """The page balances, says the answer first, shows turned images, classes and attacks."""
    files.write(every_word(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*files.FILES, "report.json"}
    markup = Markup((tmp_path / "compare.html").read_text())
    text = markup.text
    assert text.index("Do not replace the old one") < text.index("Blocking requirements")
    assert text.index("Blocking requirements") < text.rindex("All rows")
    for phrase in ("Newly broken", "By class", "By attack", "PGD-40", "Not compared", "Record"):
        assert phrase in text
    assert sum(alt.startswith("Test image") for alt in markup.values("alt")) >= 24
    targets = [link[1:] for link in markup.values("href") if link.startswith("#")]
    assert set(targets) <= set(markup.values("id"))
    assert "script" not in markup.tags
    assert not [name for name in markup.attributes if name.startswith("on")]


def test_equal_comparisons_give_equal_bytes() -> None:
    """Page and comment depend on nothing but the two assessments."""
    assert page.render(every_word()) == page.render(every_word())
    assert files.comment(every_word()) == files.comment(every_word())


@pytest.mark.parametrize("text", hostile.TEXTS, ids=range(len(hostile.TEXTS)))
def test_hostile_texts_do_nothing(text: str) -> None:
    """Whatever stands in names, claims, reasons and evidence, page and comment only show it."""
    sides = []
    for digest in ("old", "new"):
        poisoned = hostile.assessment(text).to_json()
        poisoned["environment"]["packages"]["securemnist"] = "0.1.0"
        poisoned["subject"]["digest"] = digest
        sides.append(Assessment.from_json(poisoned))
    both = compare(*sides)
    markup = Markup(page.render(both).decode())
    assert not markup.tags & {"script", "evil-tag"}
    assert "style" not in markup.attributes
    comment = files.comment(both).decode()
    assert "<script" not in comment
    assert "<evil-tag" not in comment


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is a file is refused in one sentence, and stays as it was."""
    (tmp_path / "reports").write_text("mine")
    with pytest.raises(UsageError):
        files.write(every_word(), tmp_path / "reports")
    assert (tmp_path / "reports").read_text() == "mine"


def test_a_failed_row_that_cannot_be_compared_is_told_as_failed() -> None:
    """Page, comment and terminal say that the new version fails a row, whatever it was compared with."""
    failing = robust(codes(range(500), 1_000), at_least=0.99)
    both = compared(OLD, failing)
    assert both.changes[0].word is Word.NOT_COMPARABLE
    file = io.StringIO()
    terminal.print_comparison(both, Console(file=file, width=200))
    for text in (file.getvalue(), files.comment(both).decode(), page.render(both).decode()):
        assert "1 requirement failed" in text
        assert "own requirement" in text
    assert wording.headline(both).why.startswith("1 requirement failed")
    undecided = compared(OLD, robust(codes(range(50), 1_000), at_least=0.5))
    assert "failed" not in wording.headline(undecided).why


def test_a_narrow_terminal_has_no_stub_of_a_claim() -> None:
    """Where no room is left for the claim of a row, its column is left out, not cut to nothing."""
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, color_system=None)
    terminal.print_comparison(every_word(), console)
    rows = [line for line in file.getvalue().splitlines() if " → " in line]
    assert rows
    assert not [line for line in rows if line.endswith("…")]


def test_the_page_names_both_and_folds_what_was_not_asked_for() -> None:
    """The title has both names, rows out of scope are folded, and latency is named where it was timed."""
    name = "ADV-09"
    outside = dataclasses.replace(robust(codes(range(9)), name=name), in_scope=False)
    old, new = assessment(OLD, outside), assessment(OLD, outside, digest="new")
    old = dataclasses.replace(old, subject={**old.subject, "name": "first"})
    text = page.render(compare(old, new)).decode()
    assert f"<h1>first → {new.subject['name']}</h1>" in text
    assert "<summary>1 row out of scope</summary>" in text
    assert name in text.partition("1 row out of scope")[2]
    assert "Latency" not in text


def test_the_terminal_says_it_too() -> None:
    """Piped: a line a row in scope, the rows in the way with what to do, the answer at the end."""
    file = io.StringIO()
    terminal.print_comparison(every_word(), Console(file=file, width=80))
    lines = file.getvalue().splitlines()
    assert lines[1].startswith("↓ worse  ")
    assert "ADV-03" in lines[1]
    assert lines[-2].startswith("✗ Do not replace the old one: 1 requirement got worse")
    assert lines[-1] == "  exit code 1"
    assert "\x1b" not in file.getvalue()


def test_the_terminal_notes_an_easier_policy() -> None:
    """A threshold that was lowered is noted beside a row that passes, too."""
    file = io.StringIO()
    lower = changed(OLD, at_least=0.1)
    terminal.print_comparison(compared(OLD, lower), Console(file=file, width=200))
    assert "ADV-03: the threshold was 0.5, is 0.1" in file.getvalue()


def test_a_smaller_scope_is_named_beside_the_answer() -> None:
    """A row that only the old version was asked, as in a run of a smaller tier, is named."""
    other = robust(codes(range(9)), name="ADV-09")
    outside = other.requirement.unmeasured(Verdict.NOT_RUN, "out of scope")
    new = assessment(OLD, dataclasses.replace(outside, in_scope=False), digest="new")
    found = compare(assessment(OLD, other), new)
    assert found.exit_code == 0
    assert "out of the scope of the new run: ADV-09 (1 in all)" in wording.headline(found).why
    assert "out of the scope" not in wording.headline(compared(OLD, OLD)).why
