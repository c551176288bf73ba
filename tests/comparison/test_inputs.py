"""Rows where a file that they name, or the calibration of the doubts, was replaced in between."""

from __future__ import annotations

import dataclasses

import pytest

from securemnist.comparison.change import Change, Word
from securemnist.comparison.comparison import Comparison, compare
from securemnist.errors import UsageError
from securemnist.history.entry import assessment_entry
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding
from tests.comparison.builders import OLD, SAME, assessment, changed, compared, judged

ONE, OTHER = {"./other.npz": "a" * 64}, {"./other.npz": "b" * 64}


def row(value: float, inputs: dict[str, str]) -> Finding:
    """A row of latency, which is better by far where its number is 0.5."""
    measured = {"unit": "ratio", "inputs": inputs}
    return judged("LAT-07", "latency_ratio", value, {}, at_most=2.0, measured=measured)


def only(comparison: Comparison) -> Change:
    """The change of its only row."""
    (change,) = comparison.changes
    return change


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (ONE, OTHER, "./other.npz is another file"),
        (ONE, {}, "the SHA-256 of ./other.npz is not recorded for both"),
        ({}, ONE, "the SHA-256 of ./other.npz is not recorded for both"),
    ],
    ids=["another", "old only", "new only"],
)
def test_a_replaced_file_is_not_comparable(
    old: dict[str, str], new: dict[str, str], reason: str
) -> None:
    """A better number against another file shows nothing, and keeps the exit code from 0."""
    comparison = compared(row(1.0, old), row(0.5, new))
    assert (only(comparison).word, only(comparison).reason) == (Word.NOT_COMPARABLE, reason)
    assert comparison.exit_code == 3


def test_the_same_file_is_comparable() -> None:
    """Against one file the better number is better."""
    assert only(compared(row(1.0, ONE), row(0.5, ONE))).word is Word.BETTER


def calibrated(finding: Finding, calibration: str, digest: str) -> Assessment:
    """An assessment on data with this calibration."""
    made = assessment(finding, digest=digest)
    data = {**made.subject["data"], "calibration": calibration}
    return dataclasses.replace(made, subject={**made.subject, "data": data})


def test_another_calibration_of_the_doubts_is_not_comparable() -> None:
    """A search that was doubted by other limits is not compared; one by the same limits is."""
    old = calibrated(OLD, "a" * 64, "old")
    other = only(compare(old, calibrated(SAME, "b" * 64, "new")))
    assert (other.word, other.reason[:22]) == (Word.NOT_COMPARABLE, "the limits of the doub")
    assert only(compare(old, calibrated(SAME, "a" * 64, "new"))).word is Word.SAME


def doubting(finding: Finding, digest: str, names: list[str], code: str = "a") -> Assessment:
    """An assessment in a project with these doubts of its own."""
    made = assessment(finding, digest=digest)
    own = {"doubts": names, "code": dict.fromkeys(names, code * 64)}
    return dataclasses.replace(made, environment={**made.environment, **own})


@pytest.mark.parametrize(
    ("names", "code", "reason"),
    [
        ([], "a", "the project's own doubts were my_pkg.doubts:noise, are none"),
        (["my_pkg.doubts:noise"], "b", "the code of my_pkg.doubts:noise is another"),
        (["my_pkg.doubts:noise"], "a", ""),
    ],
    ids=["removed", "changed", "kept"],
)
def test_doubts_of_the_project_are_the_same_for_both(
    names: list[str], code: str, reason: str
) -> None:
    """A search that one doubt less was asked about does not look as good as before."""
    old = doubting(OLD, "old", ["my_pkg.doubts:noise"])
    found = only(compare(old, doubting(SAME, "new", names, code)))
    assert found.word is (Word.NOT_COMPARABLE if reason else Word.SAME)
    assert found.reason == reason


def asked(made: Assessment) -> str:
    """What the history says that the only row was asked."""
    (found,) = assessment_entry(made)["rows"].values()
    return str(found["asked"])


def test_the_history_starts_a_new_line() -> None:
    """Numbers against different files, or with different calibrations, share no line of a chart."""
    of_files = [asked(assessment(row(1.0, inputs))) for inputs in (ONE, OTHER, {}, ONE)]
    assert of_files[0] == of_files[3]
    assert len(set(of_files)) == 3
    of_limits = [asked(calibrated(OLD, name * 64, "old")) for name in "ab"]
    assert len({*of_limits, asked(assessment(OLD))}) == 3


def test_the_history_starts_a_new_line_for_another_attack() -> None:
    """Numbers by other code of the user's own share no line of a chart."""
    name = "my_pkg.attacks:Mine"
    found = changed(OLD, settings={**OLD.requirement.settings, "attack": {"use": name}})
    made = assessment(found)
    codes = [{name: "a"}, {name: "b"}, {name: "a", f"{name} (my_pkg.limits)": "c"}, {name: "a"}]
    lines = [
        asked(dataclasses.replace(made, environment={**made.environment, "code": code}))
        for code in codes
    ]
    assert lines[0] == lines[3]
    assert len(set(lines)) == 3


def test_a_stored_assessment_keeps_the_digests() -> None:
    """Digests are read back from JSON, and what is none is refused."""
    made = assessment(row(1.0, ONE))
    stored = made.to_json()
    assert Assessment.from_json(stored).findings[0].measurement == made.findings[0].measurement
    stored["findings"][0]["measurement"]["inputs"] = {"./other.npz": "none"}
    with pytest.raises(UsageError, match="inputs"):
        Assessment.from_json(stored)
