"""The assessment on a terminal and in a pipe."""

from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console

from securemnist.report import page
from securemnist.report.terminal import print_assessment
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.static import StaticEvidence
from securemnist.results.findings import STOPPED, Verdict
from securemnist.results.measurement import Measurement
from securemnist.view.wording import SYMBOLS
from tests.report import example, hostile


def _piped(assessment: Assessment) -> str:
    file = io.StringIO()
    print_assessment(assessment, Console(file=file, width=80))
    return file.getvalue()


def _shown(assessment: Assessment, **options: object) -> str:
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True, **options)  # type: ignore[arg-type]
    print_assessment(assessment, console)
    return file.getvalue()


def test_a_pipe_gets_plain_whole_lines() -> None:
    """Piped output has no escape sequence and breaks no line, whatever the width."""
    text = _piped(example.assessment())
    assert "\x1b" not in text
    assert any("FAIL" in row and row.endswith("10,000 images keep their class. (attack sensitivity "
               "63/64 planted examples found)") for row in text.splitlines())  # fmt: skip


def test_one_line_a_requirement() -> None:
    """Every row in scope has one line in the table, with symbol and word; the subject comes first."""
    about, *table = _piped(example.assessment()).partition("\n\n")[0].splitlines()
    assert about.startswith("postbox-reader 2.3.0 (9f2c1e5b7a5b) on MNIST, held against")
    rows = [f for f in example.findings() if f.in_scope]
    assert len(table) == len(rows)
    for finding, shown in zip(rows, table, strict=True):
        assert shown.startswith(f"{SYMBOLS[finding.verdict]} {finding.label}")
        assert finding.requirement.id in shown


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_symbol_and_word(verdict: Verdict) -> None:
    """No verdict is shown by colour alone."""
    assert f"{SYMBOLS[verdict]} {verdict}" in _piped(example.assessment())


def test_rows_that_a_run_did_not_reach_are_counted_once() -> None:
    """Terminal and page name the rows before which the run stopped in one sentence, not one each."""
    whole = example.assessment()
    left = whole.findings_in_scope[-2:]
    findings = tuple(
        one.requirement.unmeasured(Verdict.NOT_RUN, STOPPED) if one in left else one
        for one in whole.findings
    )
    stopped = dataclasses.replace(whole, findings=findings)
    sentence = "2 rows were not reached: the run stopped before them"
    text = _piped(stopped).partition("\n\n")[2]
    page_text = page.render(stopped).decode()
    for shown in (text, page_text):
        assert shown.count(sentence) == 1
    assert not [one for one in left if f"\n– {one.requirement.id} NOT_RUN" in text]
    assert ">Other<" not in page_text  # they stand in the families of their measures


def test_a_red_row_explains_itself() -> None:
    """An open row says why, what to do next and how to repeat it; a waived one has its waiver alone."""
    text = _piped(example.assessment()).partition("\n\n")[2]
    assert "ADV-02 FAIL: robust_accuracy 0.8127 < 0.85" in text
    assert text.count("  next    ") == text.count("  repeat  ") == 6
    assert text.count("ADV-06") == text.count("ADV-06 waived through") == 1


def test_a_red_static_row_names_places() -> None:
    """The first places in the source stand below the row, and how many more there are."""
    text = _piped(example.assessment())
    assert (
        "  place   postbox/loading.py:42: torch.load reads a pickle that can execute code." in text
    )
    finding = next(f for f in example.findings() if f.requirement.id == "SAST-01")
    assert finding.measurement is not None
    evidence = finding.measurement.evidence
    assert isinstance(evidence, StaticEvidence)
    measurement = dataclasses.replace(
        finding.measurement, evidence=StaticEvidence(static=(evidence.static or []) * 4)
    )
    many = dataclasses.replace(finding, measurement=measurement)
    shown = _piped(example.assessment(findings=(many,)))
    assert shown.count("  place   ") == 4
    assert "  place   and 5 more" in shown


def test_rows_of_one_measure_differ_in_their_claims() -> None:
    """The line of a row says first what distinguishes it: its attack and its threat."""
    claim = "Under 40 steps of PGD, with no pixel changed by more than 0.2, at least 50 % of"
    assert claim in _piped(example.assessment())


def test_the_answer_comes_last() -> None:
    """What stands at the end of a long output is the answer."""
    answer, scope = _piped(example.assessment()).splitlines()[-2:]
    assert (
        answer == "✗ Do not merge: 2 requirements failed and 4 undecided, "
        "1 waived through 2026-12-31 (judged on 2026-11-21, UTC); "
        "nothing is said about natural robustness, privacy"
    )
    assert scope == "  standard tier, 15 of 18 rows; exit code 1"


def test_a_terminal_gets_colour_and_short_lines() -> None:
    """On a terminal a row fits its width and a FAIL is red."""
    text = _shown(example.assessment(), color_system="standard")
    assert "\x1b[1;31m✗ FAIL" in text
    assert "…" in text


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR a terminal gets no colour."""
    monkeypatch.setenv("NO_COLOR", "1")
    text = _shown(example.assessment(), color_system="standard")
    assert "\x1b[1;31m" not in text
    assert "✗ FAIL" in text


@pytest.mark.parametrize("text", [*hostile.TEXTS, "[bold red]x[/] [link=https://e.example]y[/]"])
def test_hostile_text_is_only_text(text: str) -> None:
    """Neither escape sequences nor rich markup act, and no line is forged."""
    shown = _piped(hostile.assessment(text))
    assert "\x1b" not in shown
    assert shown.count("\n") == _piped(example.assessment()).count("\n")
    assert "[/]" in shown or "[/]" not in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_poor_encoding_is_no_error(encoding: str) -> None:
    """A terminal that cannot print the symbols gets ASCII in their place."""
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    print_assessment(hostile.assessment("数字 ✓ é"), Console(file=file, width=80))
    file.flush()
    text = raw.getvalue().decode(encoding)
    assert "x FAIL" in text
    assert "\\u6570" in text


def test_an_empty_scope_is_printed() -> None:
    """No rows, no table, but an answer."""
    assert "Do not merge yet" in _piped(example.assessment(findings=()))


def test_a_waived_row_says_why() -> None:
    """The reason of each waiver follows the rows that block, in one line, with its last day."""
    text = _piped(example.assessment())
    (waived,) = [f for f in example.findings() if f.waived(example.assessment().decided)]
    own = waived.requirement
    assert own.waiver is not None
    said = f"⚑ {own.id} waived through {own.waiver.expires} (UTC): {own.waiver.reason}"
    assert text.splitlines().count(said) == 1


def test_the_column_of_verdicts_stays_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The failure probability of a smoothed pass stands behind its claim."""
    monkeypatch.setattr(Measurement, "failure_probability", 0.001)
    smoothed = next(f for f in example.findings() if f.passed and not f.proved)
    assert smoothed.label == "PASS (smoothed, failure probability 0.001)"
    shown = _piped(example.assessment(findings=(smoothed,))).splitlines()[1]
    assert shown.startswith("✓ PASS (smoothed)  ")
    assert shown.endswith("(failure probability 0.001)")
