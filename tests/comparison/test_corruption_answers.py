"""Two versions under corruptions, compared by the images that each has wrong."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from securemnist.comparison import page
from securemnist.comparison.change import Word
from securemnist.errors import UsageError
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.natural import CorruptionEvidence, CorruptionResult
from securemnist.results.evidence.tables import CorruptionTable
from securemnist.results.findings import Finding, Verdict
from securemnist.results.per_image import PLACE, SMALL, encode
from tests.comparison.builders import assessment, change, compared, judged
from tests.error_form import one_sentence
from tests.report.markup import Markup

KINDS, SEVERITIES, N = ["fog", "stripe", "zigzag"], [1, 3], 300
TOTAL = 10_000


def answers(losses: dict[str, float], n: int = N) -> np.ndarray:
    """Whether answers are right, (kinds, severities, n): of every kind some are wrong, and these more."""
    ease = np.random.default_rng(0).random(n)
    shares = [[0.25 + losses.get(kind, 0.0), 0.35 + losses.get(kind, 0.0)] for kind in KINDS]
    return np.array(ease >= np.array(shares)[..., None])


def row(right: np.ndarray, *, worst: bool = False, answered: bool = True, **more: Any) -> Finding:
    """The finding of a row with these answers; without its lists where not `answered`."""
    n = right.shape[2]
    evidence = CorruptionEvidence(
        benchmark="mnist-c",
        severities=SEVERITIES,
        corruptions=[
            CorruptionResult(kind=kind, accuracy=shares.tolist())
            for kind, shares in zip(KINDS, right.mean(2), strict=True)
        ],
        worst="stripe" if worst else "",
    )
    if answered:
        places = np.random.default_rng(1).permutation(TOTAL)[:n]
        table = CorruptionTable.of(right, order="random", places=places, labels=places % 10)
        evidence = dataclasses.replace(evidence, answers=table)
    measure = "worst_corruption_accuracy" if worst else "corruption_accuracy"
    value = float(right.mean((1, 2)).min() if worst else right.mean())
    fields = {"low": value - 0.05, "high": value + 0.05, "complete": n == TOTAL}
    return judged("NAT-01", measure, value, evidence, n=n, measured=fields, **more)


OLD = answers({})


@pytest.mark.parametrize("worst", [False, True])
def test_a_model_against_itself_is_the_same(worst: bool) -> None:
    """Of 300 images both had the same right: no difference, and an interval inside the margin."""
    found = change(row(OLD, worst=worst), row(OLD, worst=worst))
    assert (found.word, found.difference) == (Word.SAME, 0)
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low < 0.016
    unpaired = change(*[row(OLD, worst=worst, answered=False)] * 2)
    assert unpaired.word is Word.CANNOT_TELL
    assert unpaired.paired == "unpaired, from the two intervals"


@pytest.mark.parametrize("worst", [False, True])
def test_a_loss_under_one_corruption_is_worse(worst: bool) -> None:
    """Six points less under one of three kinds: unpaired it may be chance, by images it is not."""
    new = answers({"stripe": 0.06})
    assert change(*(row(one, worst=worst, answered=False) for one in (OLD, new))).word is (
        Word.CANNOT_TELL
    )
    found = change(row(OLD, worst=worst), row(new, worst=worst))
    assert (found.word, found.verdict) == (Word.WORSE, Verdict.FAIL)
    assert [part.name for part in found.kinds if part.high < 0] == ["stripe"]
    assert (found.p_value is None) == worst
    assert "images drawn with all their answers" in found.paired


def test_a_lost_kind_is_noted_where_the_mean_is_the_same() -> None:
    """Two points less under one kind are less than a point of the mean: the note names the kind."""
    found = change(row(answers({}, TOTAL)), row(answers({"fog": 0.02}, TOTAL)))
    assert found.word is Word.SAME
    assert found.notes[0].startswith("fog is worse: 0.6994 -> 0.6789 [-0.02")


def test_the_whole_test_set_decides_a_limit_exactly() -> None:
    """A limit that the exact drop meets passes; counts of newly broken images are undecided."""
    old, new = answers({}, TOTAL), answers({"fog": 0.02}, TOTAL)
    drop = float(old.mean() - new.mean())
    assert change(row(old), row(new, max_drop=drop)).verdict is Verdict.PASS
    assert change(row(old), row(new, max_drop=drop - 1e-4)).verdict is Verdict.FAIL
    assert change(row(old), row(new, max_newly_broken=5)).verdict is Verdict.INCONCLUSIVE


def table_of(finding: Finding, **changes: Any) -> Finding:
    """The same finding with another table of answers."""
    measurement = finding.measurement
    assert measurement is not None
    evidence = measurement.evidence
    assert isinstance(evidence, CorruptionEvidence)
    assert evidence.answers is not None
    answers = dataclasses.replace(evidence.answers, **changes)
    return evidence_of(finding, answers=answers)


def evidence_of(finding: Finding, **changes: Any) -> Finding:
    """The same finding with other evidence."""
    assert finding.measurement is not None
    return measured(finding, evidence=dataclasses.replace(finding.measurement.evidence, **changes))


def measured(finding: Finding, **changes: Any) -> Finding:
    """The same finding with other fields of its measurement."""
    assert finding.measurement is not None
    changed = dataclasses.replace(finding.measurement, **changes)
    return dataclasses.replace(finding, measurement=changed)


def renamed(finding: Finding) -> Finding:
    """The same numbers under another kind of corruption."""
    measurement = finding.measurement
    assert measurement is not None
    assert isinstance(measurement.evidence, CorruptionEvidence)
    first, *others = measurement.evidence.corruptions or []
    return evidence_of(finding, corruptions=[dataclasses.replace(first, kind="shear"), *others])


UNLIKE: dict[str, tuple[Callable[[Finding], Finding], str]] = {
    "no lists": (lambda f: evidence_of(f, answers=None), "the new version recorded no images"),
    "order": (lambda f: table_of(f, order="seed 1"), "the two measured different images"),
    "places": (lambda f: table_of(f, places=np.arange(N)), "the two measured different images"),
    "labels": (lambda f: table_of(f, labels=np.zeros(N, int)), "the two measured different images"),
    "kinds": (renamed, "the two measured different corruptions"),
    "severities": (lambda f: evidence_of(f, severities=[1, 4]), "measured different corruptions"),
    "benchmark": (lambda f: evidence_of(f, benchmark="other"), "measured different corruptions"),
    "seed": (lambda f: measured(f, seed=1), "the seed that was used was 0, is 1"),
    "value": (
        lambda f: measured(f, value=0.9, high=1.0),
        "malformed evidence, the images give 0.7",
    ),
}


@pytest.mark.parametrize(("edited", "reason"), UNLIKE.values(), ids=UNLIKE)
def test_unlike_answers_are_not_paired(edited: Callable[[Finding], Finding], reason: str) -> None:
    """Other images, corruptions or random numbers, and lists of one version alone: never good."""
    comparison = compared(row(OLD), edited(row(OLD)))
    (found,) = comparison.changes
    assert (found.word, found.verdict) == (Word.NOT_COMPARABLE, Verdict.INCONCLUSIVE)
    assert reason in found.reason
    assert comparison.exit_code == 3


def small(values: Any) -> str:
    return encode(values, SMALL)


HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "one image less": (lambda a: first(a, small([0] * (N - 1))), "expected 300 images in every"),
    "a severity too many": (lambda a: first(a, small([4] * N)), "answers at 2 severities"),
    "no base64": (lambda a: first(a, "?"), "expected integers in base64"),
    "a list of numbers": (lambda a: first(a, [0] * N), "expected integers in base64"),
    "a kind less": (lambda a: a["wrong"].pop(), "expected answers under 3 kinds, got 2"),
    "no kind": (lambda a: a["wrong"].clear(), "at least 1 item"),
    "a hundred kinds": (lambda a: a["wrong"].extend(a["wrong"] * 33), "at most 40 items"),
    "another accuracy": (
        lambda a: first(a, small([0] * N)),
        "accuracy of its answers, got another",
    ),
    "no labels": (lambda a: a.update(labels=""), "expected some images in every column"),
    "a place twice": (lambda a: a.update(places=encode([7] * N, PLACE)), "got one place twice"),
    "an unknown key": (lambda a: a.update(right=[]), "right"),
}


def first(table: dict[str, Any], column: Any) -> None:
    """Replace what is said of the first kind."""
    table["wrong"][0] = column


@pytest.mark.parametrize(("edit", "phrase"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_lists_are_refused(edit: Callable[[dict[str, Any]], Any], phrase: str) -> None:
    """Lists of a file that are no answers to its images are refused in one sentence."""
    data = json.loads(json.dumps(assessment(row(OLD)).to_json()))
    Assessment.from_json(data)
    edit(data["findings"][0]["measurement"]["evidence"]["answers"])
    with pytest.raises(UsageError) as refused:
        Assessment.from_json(data)
    assert phrase in one_sentence(refused.value)


def test_the_page_has_a_table_by_corruption() -> None:
    """Each kind stands with both accuracies, and the row says how it was paired."""
    text = Markup(page.render(compared(row(OLD), row(answers({"fog": 0.05})))).decode()).text
    for phrase in (
        "By corruption",
        "fog",
        "exact test over images",
        "drawn with all their answers",
    ):
        assert phrase in text
    assert "McNemar" not in text
