"""What stands against comparing: two assessments as a whole, and single rows."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from securemnist.comparison.change import Word
from securemnist.comparison.comparison import compare
from securemnist.errors import UsageError
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.attack import AttackEvidence, EarlyStop
from securemnist.results.findings import Finding, Verdict
from tests.comparison.builders import (
    OLD,
    SAME,
    SETTINGS,
    assessment,
    change,
    changed,
    codes,
    compared,
    judged,
    robust,
)
from tests.error_form import one_sentence
from tests.policies import CLEAN, table


def with_evidence(finding: Finding, **changes: Any) -> Finding:
    """The same finding with other evidence of its attack."""
    measurement = finding.measurement
    assert measurement is not None
    evidence = dataclasses.replace(measurement.evidence, **changes)
    return dataclasses.replace(
        finding, measurement=dataclasses.replace(measurement, evidence=evidence)
    )


def outcomes_of(finding: Finding, **changes: Any) -> Finding:
    """The same finding with another table of outcomes."""
    measurement = finding.measurement
    assert measurement is not None
    assert isinstance(measurement.evidence, AttackEvidence)
    assert measurement.evidence.outcomes is not None
    return with_evidence(
        finding, outcomes=dataclasses.replace(measurement.evidence.outcomes, **changes)
    )


def ended(finding: Finding) -> Finding:
    """The same search, ended as soon as it was decided."""
    return with_evidence(finding, stopped=EarlyStop(after="FGSM", spared=["PGD-40"]))


SMALL = robust(codes(range(2), 10))
OTHER_EPS = {**SETTINGS, "threat": {"norm": "linf", "eps": 0.1}}
UNLIKE: dict[str, tuple[Finding, Finding, str]] = {
    "protocol": (OLD, changed(SAME, settings=OTHER_EPS), "the protocol differs: linf 0.3 before"),
    "images": (OLD, changed(SAME, settings={**SETTINGS, "images": 9}), "images 10000 before"),
    "seed": (OLD, changed(SAME, seed=4), "the seed was 0, is 4"),
    "tier": (OLD, changed(SAME, tier="full"), "of tier standard, is of tier full"),
    "measure": (OLD, changed(SAME, measure="attack_accuracy"), "measured robust_accuracy"),
    "order": (SMALL, outcomes_of(SMALL, places=np.arange(9, -1, -1)), "measured different images"),
    "no number": (
        OLD,
        SAME.requirement.unmeasured(Verdict.ERROR, "the attack crashed"),
        "the new version has no number: ERROR, the attack crashed",
    ),
    "out of scope": (
        dataclasses.replace(OLD, in_scope=False),
        SAME,
        "left out of the run of the old",
    ),
    "no images": (OLD, judged("ADV-03", "robust_accuracy", 0.9, {}), "recorded no images"),
    "no verdict": (
        OLD,
        robust(codes(range(9)), measured={"inconclusive": "saturated"}),
        "saturated",
    ),
    "ended early": (OLD, ended(SAME), "the new version's search ended early"),
    "forged": (OLD, robust(codes(range(9)), measured={"value": 0.99}), "the images give 0.9991"),
}


@pytest.mark.parametrize(("old", "new", "reason"), UNLIKE.values(), ids=UNLIKE)
def test_unlike_rows_are_never_good(old: Finding, new: Finding, reason: str) -> None:
    """A row that was measured otherwise is not comparable, says why, and keeps the exit code from 0."""
    comparison = compared(old, new)
    assert comparison.changes[0].word is Word.NOT_COMPARABLE
    assert reason in comparison.changes[0].reason
    assert comparison.exit_code == 3


def stages(finding: Finding, *names: str) -> Finding:
    """The same outcomes of other attacks."""
    return outcomes_of(finding, stages=list(names))


def test_a_one_sided_replay_is_refused() -> None:
    """Stored examples that only one version was tried on make no comparison."""
    new = stages(SAME, "replay", "PGD-40")
    assert "the stage FGSM was run on the old version only" in change(OLD, new).reason
    assert change(stages(OLD, "replay", "PGD-40"), new).word is Word.SAME


def test_rows_on_one_side_only() -> None:
    """A row that came or left is listed, and is never good."""
    other = robust(codes(range(1)), name="ADV-09")
    came = compare(assessment(OLD), assessment(SAME, other, digest="new"))
    assert (came.exit_code, came.counts["not comparable"]) == (3, 1)
    left = compare(assessment(OLD, other), assessment(SAME, digest="new"))
    assert left.exit_code == 3
    assert left.changes[1].reason.startswith("the new policy has no such row")


def test_a_row_out_of_the_new_scope_is_neutral() -> None:
    """What the new run was not asked for is listed and decides nothing."""
    outside = dataclasses.replace(robust(codes(range(9)), name="ADV-09"), in_scope=False)
    comparison = compare(
        assessment(OLD, robust(codes(range(9)), name="ADV-09")),
        assessment(SAME, outside, digest="new"),
    )
    assert comparison.exit_code == 0
    assert comparison.changes[1].word is Word.NOT_COMPARABLE


def test_a_row_moved_to_a_higher_tier_counts() -> None:
    """A row does not leave the gate by another tier in the policy: it is undecided, in scope."""
    before = robust(codes(range(9)), name="ADV-09")
    moved = changed(before, tier="full").requirement.unmeasured(Verdict.NOT_RUN, "out of scope")
    moved = dataclasses.replace(moved, in_scope=False)
    comparison = compare(assessment(OLD, before), assessment(SAME, moved, digest="new"))
    assert comparison.exit_code == 3
    assert "was of tier standard, is of tier full" in comparison.changes[1].reason
    always = compare(assessment(OLD, moved), assessment(SAME, moved, digest="new"))
    assert always.exit_code == 0


def other(kind: str) -> Assessment:
    """A new version that was assessed otherwise."""
    new = assessment(SAME, digest="new")
    data = new.to_json()
    if kind == "same model":
        data["subject"]["digest"] = "old" * 16
    elif kind == "no digest":
        del data["subject"]["digest"]
    elif kind == "data":
        data["subject"]["data"] = {"name": "other images", "digests": {"x": "y"}}
    elif kind == "commit":
        data["environment"]["source"] = "b" * 64
    elif kind == "tool":
        data["environment"]["packages"]["securemnist"] = "0.2.0"
    else:
        data["environment"]["packages"]["torch"] = "2.14.1"
    return Assessment.from_json(data)


@pytest.mark.parametrize(
    ("kind", "phrase"),
    [
        ("same model", "got the same one twice"),
        ("no digest", "got a new one without a digest"),
        ("data", "got MNIST and other images"),
        ("tool", "got 0.1.0 and 0.2.0"),
        ("commit", "got sources none recorded and bbbbbbbbbbbbb;"),
    ],
)
def test_refusals(kind: str, phrase: str) -> None:
    """Nothing is said of assessments of one model, on other data or by another tool version."""
    with pytest.raises(UsageError) as refused:
        compare(assessment(OLD), other(kind))
    assert phrase in one_sentence(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("digests", [{}, ["of another form"]])
def test_data_without_digests_refused(digests: Any) -> None:
    """Assessments without digests of their data are not taken for ones of the same data."""
    sides = [assessment(OLD), other("model")]
    for side in sides:
        side.subject["data"]["digests"] = digests
    with pytest.raises(UsageError, match="digests of the data in both") as refused:
        compare(*sides)
    one_sentence(refused.value)


def test_one_model_twice_where_asked() -> None:
    """With same_model the comparison shows what chance alone does."""
    assert compare(assessment(OLD), other("same model"), same_model=True).exit_code == 0


def test_another_torch_is_another_measurement() -> None:
    """A package that can change a number makes its rows incomparable."""
    comparison = compare(assessment(OLD), other("torch"))
    assert comparison.changes[0].reason == "torch was 2.13.0, is 2.14.1"
    assert comparison.exit_code == 3


def test_a_changed_policy_is_noted() -> None:
    """A threshold or bound that was made easier stands beside the row."""
    old = robust(codes(range(700)), max_drop=0.01)
    new = robust(codes(range(700)), at_least=0.4, max_drop=0.5)
    notes = change(old, changed(new)).notes
    assert notes == ("the threshold was 0.5, is 0.4", "max_drop was 0.01, is 0.5")


def test_an_assessment_on_other_data_than_its_policy_names() -> None:
    """A stored assessment that was not made on the data of its policy is compared with nothing."""
    named = f'data = {{ name = "MNIST", sha256 = "{"a" * 64}" }}\n' + table(CLEAN)
    policy = {"path": "thresholds.toml", "digest": "71d0", "text": named}
    with pytest.raises(UsageError, match="expected the data it was written for, MNIST"):
        compare(assessment(OLD), assessment(SAME, digest="new", policy=policy))
