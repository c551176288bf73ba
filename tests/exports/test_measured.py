"""Slices and limits of a row: their numbers come from the evidence, or are left out."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from securemnist.exports.measured import complete, limits, slices
from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.certificates import CertifiedEvidence
from securemnist.results.evidence.natural import CorruptionEvidence, CorruptionResult
from securemnist.results.evidence.tables import AnswerTable, OutcomeTable
from securemnist.results.findings import Finding
from securemnist.results.intervals import share_interval
from securemnist.results.per_image import NOT_ATTEMPTED, SURVIVED
from securemnist.view.class_names import NUMBERS, ClassNames
from tests.report import example
from tests.report.judged import finding, measured, row

LABELS = np.repeat([0, 1], [10, 20])


def judged(measure: str, evidence: Any, **bound: float) -> Finding:
    """A row of this measure with this evidence."""
    chosen = row("ROW-01", measure, **(bound or {"at_least": 0.5}))
    return finding(chosen, measured(0.8, evidence=evidence), "", "")


def answers(read: np.ndarray) -> AnswerTable:
    """Answers to the images of both classes."""
    return AnswerTable(labels=LABELS, clean=read)


def test_a_class_has_the_exact_interval_of_its_own_samples() -> None:
    """Nine of ten right: the value, the number of samples and the exact interval of nine in ten."""
    read = LABELS.copy()
    read[0] = 1
    evidence = CleanEvidence(per_class=[0.9, 1.0], answers=answers(read))
    first, second = slices(judged("clean_accuracy", evidence), ClassNames(("cat", "dog")))
    assert (first.name, first.value, first.n) == ("class cat", 0.9, 10)
    assert (first.low, first.high) == share_interval(9, 10)
    assert (second.n, second.low, second.high) == (20, *share_interval(20, 20))


def test_samples_that_were_not_attacked_do_not_count() -> None:
    """The interval of a class under attack is that of its attempted samples."""
    codes = np.full(30, SURVIVED)
    codes[:4] = NOT_ATTEMPTED
    table = OutcomeTable(labels=LABELS, codes=codes, stages=[])
    evidence = AttackEvidence(per_class=[0.5, 1.0], outcomes=table)
    first, _ = slices(judged("robust_accuracy", evidence), NUMBERS)
    assert (first.name, first.n, first.low, first.high) == ("class 0", 6, *share_interval(3, 6))


def test_samples_of_the_target_do_not_count_for_a_trigger() -> None:
    """Samples of the target, and those read as it without the trigger, are in no interval."""
    read = LABELS.copy()
    read[:2] = 1
    evidence = BackdoorEvidence(per_class_asr=[0.25, None], answers=answers(read), target=1)
    (only,) = slices(judged("backdoor_success", evidence, at_most=0.5), NUMBERS)
    assert (only.n, only.low, only.high) == (8, *share_interval(2, 8))


@pytest.mark.parametrize(
    "evidence",
    [
        CleanEvidence(per_class=[0.93, 1.0], answers=answers(LABELS)),
        CleanEvidence(per_class=[0.9, 1.0]),
        AttackEvidence(per_class=[0.9, 1.0]),
        CertifiedEvidence(per_class=[0.93]),
        BackdoorEvidence(per_class_asr=[0.9, None], answers=answers(LABELS), target="next"),
        BackdoorEvidence(per_class_asr=[0.9, None], answers=answers(LABELS), target=1, source=0),
    ],
    ids=["another share", "no answers", "no outcomes", "certified", "next", "pair"],
)
def test_no_interval_is_made_up(evidence: Any) -> None:
    """Where the samples behind a share are not stored, or do not give it, it has no interval."""
    first, *_ = slices(judged("clean_accuracy", evidence), NUMBERS)
    assert first.value in (0.9, 0.93)
    assert (first.n, first.low, first.high) == (0, None, None)


def test_labels_beyond_the_classes_are_no_error() -> None:
    """Stored labels above the classes that have a share leave these as they are."""
    table = OutcomeTable(labels=LABELS, codes=np.full(30, SURVIVED), stages=[])
    (only,) = slices(
        judged("certified_accuracy", CertifiedEvidence(per_class=[1.0], outcomes=table)), NUMBERS
    )
    assert (only.value, only.n) == (1.0, 10)


@pytest.mark.parametrize(
    ("measure", "evidence", "of_part"),
    [
        ("worst_class_accuracy", CleanEvidence(per_class=[0.9, 1.0]), "clean_accuracy"),
        (
            "worst_corruption_accuracy",
            CorruptionEvidence(corruptions=[CorruptionResult(kind="fog", accuracy=[0.5])]),
            "corruption_accuracy",
        ),
    ],
)
def test_a_part_is_named_by_what_it_is(measure: str, evidence: Any, of_part: str) -> None:
    """The accuracy of one class or corruption is not called that of the worst."""
    assert {one.measure for one in slices(judged(measure, evidence), NUMBERS)} == {of_part}


def test_limits_are_those_of_the_number() -> None:
    """A bracket, an attack that failed and a doubt are limits; a plain number has none."""
    by_id = {f.requirement.id: f for f in example.findings()}
    assert limits(by_id["CLEAN-01"]) == []
    assert limits(by_id["BACK-02"]) == []
    assert any("0.7010 proved" in text for text in limits(by_id["ADV-02"]))
    assert any(text.startswith("weak attack") for text in limits(by_id["ADV-03"]))


def test_complete_is_a_number_for_every_row() -> None:
    """One row out of scope, or without a number, makes the run incomplete."""
    numbered = tuple(f for f in example.findings() if f.measurement is not None)
    assert complete(example.assessment(findings=numbered))
    outside = dataclasses.replace(numbered[0], in_scope=False)
    assert not complete(example.assessment(findings=(outside, *numbered[1:])))
    assert not complete(example.assessment())
