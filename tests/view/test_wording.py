"""The words that page, Markdown and terminal share."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from securemnist.results.evidence.answers import BackdoorEvidence
from securemnist.results.evidence.attack import AttackEvidence, Sensitivity
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.findings import Finding, Measurement, Requirement, Verdict, Waiver
from securemnist.results.per_image import MISCLASSIFIED
from securemnist.view import taxonomy, waiver_text, wording
from tests.report import example


def _passing() -> list[Finding]:
    return [finding for finding in example.findings() if finding.passed]


def _with_waiver(expires: str) -> Finding:
    finding = next(f for f in example.findings() if f.verdict is Verdict.FAIL)
    waiver = Waiver(reason="known", expires=expires)
    requirement = dataclasses.replace(finding.requirement, waiver=waiver)
    return dataclasses.replace(finding, requirement=requirement)


def test_a_failure_means_do_not_merge() -> None:
    """One open FAIL decides the headline, the others are counted."""
    head = wording.headline(example.assessment())
    assert (head.verdict, head.answer) == (Verdict.FAIL, "Do not merge")
    assert head.why == (
        "2 requirements failed and 4 undecided, "
        "1 waived through 2026-12-31 (judged on 2026-11-21, UTC); "
        "nothing is said about natural robustness, privacy"
    )


def test_undecided_rows_mean_not_yet() -> None:
    """Without a FAIL, whatever is not a PASS postpones the merge."""
    rows = [f for f in example.findings() if f.in_scope and f.verdict is not Verdict.FAIL]
    head = wording.headline(example.assessment(findings=tuple(rows)))
    assert head.answer == "Do not merge yet"
    assert head.why == "4 requirements undecided; nothing is said about natural robustness, privacy"


def test_one_is_singular() -> None:
    """A single failure and a single open row are not given a plural."""
    failed = next(f for f in example.findings() if f.requirement.id == "SAST-01")
    head = wording.headline(example.assessment(findings=(failed,)))
    others = (
        "unmodified samples, natural robustness, evasion, certified accuracy, backdoors, privacy"
    )
    others += ", latency"
    assert head.why == f"1 requirement failed; nothing is said about {others}"


def test_all_passed_and_complete_means_merge() -> None:
    """Only a complete run says that the subject may be merged."""
    head = wording.headline(example.assessment(findings=tuple(_passing())))
    assert head.answer == "May merge"
    assert (
        head.why == "all 8 requirements passed; nothing is said about natural robustness, privacy"
    )


def test_an_incomplete_pass_promises_less() -> None:
    """A run that left rows out says that it saw nothing, not that there is nothing."""
    outside = dataclasses.replace(_passing()[0], in_scope=False)
    head = wording.headline(example.assessment(findings=(*_passing()[1:], outside)))
    assert head.answer == "Nothing measured blocks a merge"


def test_an_empty_scope_shows_nothing() -> None:
    """No row in scope is no reason to merge."""
    head = wording.headline(example.assessment(findings=()))
    assert (head.answer, head.symbol) == ("Do not merge yet", "?")


def test_a_waived_failure_is_mentioned_in_a_pass() -> None:
    """A waiver lets the headline pass and stands in it."""
    rows = (*_passing(), _with_waiver("2099-01-01"))
    why = wording.headline(example.assessment(findings=rows)).why
    assert why == (
        "8 of 9 requirements passed, 1 waived through 2099-01-01 (judged on 2026-11-21, UTC); "
        "nothing is said about natural robustness, privacy"
    )


def test_a_stored_assessment_is_judged_on_the_day_it_is_read() -> None:
    """A waiver that has ended since the assessment was made excuses nothing, and both days are named."""
    result = example.assessment(findings=(*_passing(), _with_waiver("2026-11-30")))
    assert wording.headline(result.on("2026-11-30")).verdict is Verdict.PASS
    later = result.on("2026-12-01")
    assert (later.exit_code, wording.headline(later).answer) == (1, "Do not merge")
    phrase = waiver_text.effect(later.open_findings[0], later.decided)
    assert "its last day was 2026-11-30, and 2026-12-01 (UTC) decides" in phrase
    assert result.on("2020-01-01").decided == result.day


def test_waived_rows_alone_show_nothing() -> None:
    """A scope in which no row passed is no reason to merge, whatever is waived."""
    head = wording.headline(example.assessment(findings=(_with_waiver("2099-01-01"),)))
    assert head.answer == "Do not merge yet"
    others = "unmodified samples, natural robustness, certified accuracy, backdoors, privacy"
    others += ", latency, source code"
    assert head.why == (
        "no requirement passed, "
        "1 waived through 2099-01-01 (judged on 2026-11-21, UTC); "
        f"nothing is said about {others}"
    )


def test_an_expired_waiver_says_so() -> None:
    """A waiver of yesterday has no effect and is named."""
    assert "expired" in waiver_text.effect(_with_waiver("2026-11-20"), example.DAY)


def test_an_error_is_not_waived() -> None:
    """A waiver on a row that went wrong is named as without effect."""
    row = example.row("E-1", "m", at_least=0.5, waiver=Waiver(reason="r", expires="2099-01-01"))
    shown = waiver_text.effect(row.unmeasured(Verdict.ERROR, "broken"), example.DAY)
    assert shown.startswith("not waived")


def test_the_scope_names_what_was_asked() -> None:
    """Tier, counts and selections stand in one phrase."""
    scope = {"tier": "smoke", "markers": "clean", "keywords": "ADV", "paths": ["a.py", "b.py"]}
    shown = wording.scope(example.assessment(scope=scope))
    assert shown == "smoke tier, 15 of 18 rows, -m clean, -k ADV, files a.py b.py"
    odd = wording.scope(example.assessment(scope={"tier": "smoke", "keywords": 2.5}))
    assert odd == "smoke tier, 15 of 18 rows, -k 2.5"
    whole = {"tier": "smoke", "paths": ["security_tests"]}
    assert wording.scope(example.assessment(scope=whole)) == "smoke tier, 15 of 18 rows"
    rows = {"tier": "smoke", "keywords": "[ADV-01] or [CLEAN.2]"}
    shown = wording.scope(example.assessment(scope=rows))
    assert shown == "smoke tier, 15 of 18 rows, only ADV-01, CLEAN.2"


@pytest.mark.parametrize("finding", example.findings(), ids=lambda f: f.requirement.id)
def test_only_a_pass_needs_no_next_step(finding: Finding) -> None:
    """Every row that does not pass says what to do."""
    assert bool(wording.next_step(finding)) != finding.passed


def test_a_trigger_that_clean_models_answer_is_no_backdoor() -> None:
    """A mark that steers the control as well is called too large; another points at the weights."""
    row = Requirement(id="B", measure="backdoor_success", because="-", at_most=0.05)
    for control, words_of in ((0.2, "smaller or fainter"), (0.01, "as poisoned")):
        measurement = Measurement(
            value=0.24,
            low=0.2,
            high=0.3,
            n=900,
            complete=False,
            seconds=1.0,
            seed=0,
            evidence=BackdoorEvidence(control=control),
        )
        finding = row.judge(measurement, family="backdoor")
        assert finding.verdict is Verdict.FAIL
        assert words_of in wording.next_step(finding)


@pytest.mark.parametrize(("wrong", "words_of"), [(3, "retrain: so many"), (1, "broken images")])
def test_images_wrong_unmodified_ask_for_other_data(wrong: int, words_of: str) -> None:
    """A row under attack that unmodified images fail alone advises no adversarial training."""
    codes = np.array([MISCLASSIFIED] * wrong + [0] * (4 - wrong))
    labels = np.zeros(4, np.int64)
    measurement = Measurement(
        value=0.0, low=0.0, high=0.3, n=4, complete=True, seconds=1.0, seed=0,
        evidence=AttackEvidence(
            outcomes=OutcomeTable(labels=labels, codes=codes, stages=["PGD"]),
            sensitivity=Sensitivity(0, 0),
        ),
    )  # fmt: skip
    row = Requirement(id="A", measure="robust_accuracy", because="-", at_least=0.5)
    finding = row.judge(measurement, family="adversarial")
    assert words_of in wording.next_step(finding)
    assert "planted" not in str(finding)


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("AML.T0029", "Denial of AI Service"),
        ("ML01:2023", "Input Manipulation Attack"),
        ("ML01", "Input Manipulation Attack"),
        ("CWE-502", "Deserialization of Untrusted Data"),
        ("STRIDE:T/E", "Tampering, Elevation of privilege"),
        ("STRIDE:X", ""),
        ("LOCAL-7", ""),
    ],
)
def test_identifiers_have_names(identifier: str, name: str) -> None:
    """Known identifiers are named, unknown ones are not guessed at."""
    assert taxonomy.name(identifier) == name
