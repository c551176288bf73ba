"""Bounds of a row on its change, and waivers of them: who decides."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from securemnist._util import resources
from securemnist.cli import runner
from securemnist.cli.older_version import print_unchecked_bounds
from securemnist.comparison import wording
from securemnist.comparison.change import Word
from securemnist.comparison.comparison import compare
from securemnist.measures.base import count_measurement
from securemnist.results import policy as policies
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.supply_chain import SupplyChainEvidence
from securemnist.results.findings import Verdict, Waiver
from securemnist.results.verdicts import utc_day
from securemnist.view import wording as report_words
from tests.comparison.builders import (
    OLD,
    SAME,
    TODAY,
    WORSE,
    assessment,
    backdoor,
    changed,
    codes,
    compared,
    latency,
    robust,
)

BOUNDS: list[tuple[dict[str, Any], Verdict, str]] = [
    ({"max_drop": 0.03}, Verdict.PASS, ""),
    ({"max_drop": 0.02}, Verdict.PASS, "the drop is exactly the limit"),
    ({"max_drop": 0.019}, Verdict.FAIL, ""),
    ({"max_relative_drop": 0.03}, Verdict.PASS, ""),
    ({"max_relative_drop": 0.02}, Verdict.FAIL, "0.02 of 0.93 is 0.0215"),
    ({"max_newly_broken": 200}, Verdict.PASS, ""),
    ({"max_newly_broken": 199}, Verdict.FAIL, ""),
    ({"max_drop": 0.03, "max_newly_broken": 10}, Verdict.FAIL, "one of two"),
]


@pytest.mark.parametrize(("bounds", "verdict", "_"), BOUNDS, ids=str)
def test_bounds_of_the_policy_decide(bounds: dict[str, Any], verdict: Verdict, _: str) -> None:
    """On the complete set the exact number decides; the floor alone would have let both pass."""
    new = robust(codes(range(900)), **bounds)
    assert new.verdict is Verdict.PASS
    comparison = compared(OLD, new)
    assert comparison.changes[0].verdict is verdict
    assert comparison.exit_code == (verdict is Verdict.FAIL)


def test_what_is_worse_within_its_limit_is_counted_apart() -> None:
    """The head counts each row that the badge counts: one beyond its limit, one within."""
    low, within = (
        changed(OLD, id="LOW-1"),
        changed(robust(codes(range(900)), max_drop=0.03), id="LOW-1"),
    )
    comparison = compare(assessment(OLD, low), assessment(WORSE, within, digest="new"))
    assert comparison.counts["worse"] == 2
    why = wording.headline(comparison).why
    assert why == "1 requirement got worse, 1 worse within the limits of the policy"
    passed = compare(assessment(low), assessment(within, digest="new"))
    assert wording.headline(passed).why == "1 requirement: 1 worse within the limits of the policy"


def test_on_a_sample_the_interval_decides_a_bound() -> None:
    """A limit inside the interval is undecided: not good, and not a failure."""
    old, new = robust(codes(range(70), 1_000)), robust(codes(range(80), 1_000), max_drop=0.012)
    comparison = compared(old, new)
    assert comparison.changes[0].verdict is Verdict.INCONCLUSIVE
    assert comparison.exit_code == 3
    assert compared(old, robust(codes(range(150), 1_000), max_drop=0.012)).exit_code == 1
    assert compared(old, robust(codes(range(71), 1_000), max_drop=0.012)).exit_code == 0


def test_a_bound_that_cannot_be_counted_is_undecided() -> None:
    """Latency has no images to break: max_newly_broken on it is never met."""
    assert compared(latency(1.0), changed(latency(1.0), max_newly_broken=5)).exit_code == 3


def test_the_age_of_advisories_may_grow() -> None:
    """By the bundled policy no comparison fails because a day has passed between the reports."""
    rows = {row.id: row for row in policies.load(resources.POLICY).requirements}
    days = [count_measurement(age, 1, seed=0, evidence=SupplyChainEvidence()) for age in (30, 31)]
    found = [rows["SUPPLY-03"].judge(one, family="supply_chain") for one in days]
    comparison = compared(*found)
    assert (comparison.changes[0].word, comparison.exit_code) == (Word.WORSE, 0)


def test_images_that_were_not_attempted_may_be_broken() -> None:
    """A search that ends early on a slower model meets no count of images by that."""
    old = robust(codes(range(50), 1_000))
    text = codes(range(50), 300) + "?" * 700
    for limit, verdict in ((100, Verdict.INCONCLUSIVE), (701, Verdict.PASS)):
        new = robust(text, settings=old.requirement.settings, max_newly_broken=limit)
        assert compared(old, new).changes[0].verdict is verdict
    worse = robust(codes(range(150), 300) + "?" * 700, max_newly_broken=90)
    assert compared(old, worse).changes[0].verdict is Verdict.FAIL


def test_no_drop_is_zero() -> None:
    """A value that did not change has a drop of 0, and not of -0."""
    assert "measured 0" in str(compared(OLD, robust(codes(range(700)), max_drop=0.1)).changes[0])


def test_a_rise_from_zero_is_endless() -> None:
    """Relative to nothing, any rise of a bad rate is too much."""
    whole = {"measured": {"complete": True}}
    old, bound = backdoor(0, **whole), {**whole, "max_relative_drop": 0.5}
    assert compared(old, backdoor(3, **bound)).exit_code == 1
    assert compared(old, backdoor(0, **bound)).exit_code == 0


def test_a_waiver_covers_the_change() -> None:
    """A waived row is listed as worse, and fails no comparison until its day has passed."""
    waiver = Waiver(reason="retraining is scheduled", expires="2026-12-31")
    comparison = compared(OLD, changed(WORSE, waiver=waiver))
    assert comparison.changes[0].word is Word.WORSE
    assert comparison.exit_code == 0
    late = Waiver(reason="retraining is scheduled", expires="2026-11-20")
    assert compared(OLD, changed(WORSE, waiver=late)).exit_code == 1


def test_a_waiver_covers_no_value_below_its_worst() -> None:
    """A waiver for a weak model does not excuse a much worse one, and the row says why."""
    assert WORSE.measurement is not None
    value = WORSE.measurement.value
    for worst, code in ((value, 0), (value + 0.001, 1)):
        waiver = Waiver(reason="a weak model", expires="2026-12-31", worst=worst)
        comparison = compared(OLD, changed(WORSE, waiver=waiver))
        assert comparison.exit_code == code
        notes = " ".join(comparison.changes[0].notes)
        phrase = f"permits no value worse than {worst:g}, and {value:g} was measured"
        assert (phrase in notes) is bool(code)


def test_a_waiver_that_the_old_version_needed_permits_no_further_step() -> None:
    """A row that was waived because it fails may not fall without end; a new decision may permit that."""
    waiver = Waiver(reason="not met when this policy was written", expires="2026-12-31")
    passed = changed(OLD, id="CLEAN-01")
    weak, weaker = (
        robust(codes(range(n)), at_least=0.99, max_drop=0.01, waiver=waiver) for n in (700, 5_000)
    )
    before = assessment(passed, weak)
    for row, code in ((weak, 0), (weaker, 1)):
        comparison = compare(before, assessment(passed, row, digest="new"), today=TODAY)
        assert comparison.exit_code == code
        assert any("already" in note for note in comparison.changes[1].notes) is bool(code)
    decided = changed(weaker, waiver=Waiver(reason="the new scanner", expires="2026-12-31"))
    assert compare(before, assessment(passed, decided, digest="new"), today=TODAY).exit_code == 0


@pytest.mark.parametrize(("today", "code"), [("2026-12-31", 0), ("2027-01-01", 1)])
def test_the_day_of_the_decision_judges_waivers(today: str, code: int) -> None:
    """A stored assessment whose waiver has ended since is not excused by it; both days are named."""
    waiver = Waiver(reason="retraining is scheduled", expires="2026-12-31")
    comparison = compared(OLD, changed(WORSE, waiver=waiver), today=today)
    assert comparison.exit_code == code
    assert comparison.to_json()["decided"] == today
    if code:
        phrase = "the waiver has expired: its last day was 2026-12-31, and 2027-01-01 (UTC) decides"
        assert phrase in comparison.changes[0].notes
    else:
        assert "waived on 2026-12-31 (UTC)" in wording.headline(comparison).why


@pytest.mark.parametrize(("today", "code"), [("2026-12-31", 0), ("2027-01-01", 3)])
def test_a_stored_report_outlives_no_waiver_of_its_comparison(today: str, code: int) -> None:
    """A row that meets its threshold may be worse by a waiver: once that has ended, nothing passes."""
    waiver = Waiver(reason="retraining is scheduled", expires="2026-12-31")
    comparison = compared(OLD, changed(WORSE, waiver=waiver))
    whole = dataclasses.replace(comparison.new, against=runner._against(comparison))
    assert (whole.exit_code, whole.waived_through) == (0, "2026-12-31")
    later = Assessment.from_json(whole.to_json()).on(today)
    assert later.exit_code == code
    assert ("ended on 2026-12-31" in report_words.headline(later).why) is bool(code)


def test_waived_rows_alone_are_no_comparison() -> None:
    """A new version of which no row passed may not replace the old one, whatever is waived."""
    waiver = Waiver(reason="retraining is scheduled", expires="2026-12-31")
    comparison = compared(OLD, robust(codes(range(900)), at_least=0.99, waiver=waiver))
    assert comparison.exit_code == 3
    assert wording.headline(comparison).why == "no requirement passed; 1 waived on 2026-11-21 (UTC)"


def test_the_present_day_decides_where_none_is_named() -> None:
    """A comparison without a date judges waivers today, not on the day of the assessments."""
    old, new = assessment(OLD), assessment(WORSE, digest="new")
    assert compare(old, new).new.decided >= utc_day()[:8]
    assert compare(old, new).new.day == TODAY


def test_a_waiver_that_left_the_policy_excuses_nothing() -> None:
    """A row that was removed stands in the way although the old policy waived it."""
    waiver = Waiver(reason="retraining is scheduled", expires="2026-12-31")
    removed = changed(robust(codes(range(700)), name="ADV-09"), waiver=waiver)
    old, new = assessment(OLD, removed), assessment(SAME, digest="new")
    assert compare(old, new, today=TODAY).exit_code == 3


def test_cannot_tell_is_undecided() -> None:
    """A row without bounds whose difference the sample leaves open exits 3, as the documents say."""
    comparison = compared(robust(codes(range(70), 1_000)), robust(codes(range(40, 130), 1_000)))
    assert comparison.changes[0].word is Word.CANNOT_TELL
    assert (comparison.changes[0].verdict, comparison.exit_code) == (Verdict.INCONCLUSIVE, 3)
    assert "max_drop" in wording.next_step(comparison.changes[0])


@pytest.mark.parametrize(
    ("bounds", "shown"),
    [
        ([{}, {}], ""),
        ([{"max_drop": 0.1}, {}], "R0;"),
        ([{"max_drop": 0.1}] * 3, "all 3 rows;"),
        ([{"max_drop": 0.1}] * 7 + [{}], "R0, R1, R2, R3, R4 and 2 more;"),
    ],
    ids=str,
)
def test_a_run_without_comparison_says_briefly_that_limits_were_not_checked(
    bounds: list[dict[str, Any]], shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows are named up to five, or counted where all of them limit the change."""
    rows = [changed(OLD, id=f"R{k}", **bound) for k, bound in enumerate(bounds)]
    print_unchecked_bounds(assessment(*rows))
    out = capsys.readouterr().out
    assert (f"limits on change not checked: {shown} pass" in out) if shown else out == ""
