"""Two assessments: what is called better or worse, what is refused, and who decides."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any

import pytest

from securemnist.assessment import Assessment
from securemnist.compare.change import Change, Word
from securemnist.compare.comparison import Comparison, compare
from securemnist.errors import UsageError
from securemnist.findings import Doubt, Finding, Verdict, Waiver
from tests.compare.made import LABELS, SETTINGS, assessment, changed, codes, judged, read_as, robust
from tests.wording import one_sentence

OLD = robust(codes(range(700)))
SAME = robust(codes(range(2, 702)))
WORSE = robust(codes(range(900)))
BETTER = robust(codes(range(500)))


def compared(old: Finding, new: Finding, **options: Any) -> Comparison:
    """The comparison of two versions with one row each."""
    return compare(assessment(old), assessment(new, digest="new"), **options)


def change(old: Finding, new: Finding, **options: Any) -> Change:
    """The one change of two versions."""
    (made,) = compared(old, new, **options).changes
    return made


@pytest.mark.parametrize(
    ("new", "word", "code"),
    [(WORSE, Word.WORSE, 1), (SAME, Word.SAME, 0), (BETTER, Word.BETTER, 0)],
    ids=["worse", "same", "better"],
)
def test_the_word_of_a_row(new: Finding, word: Word, code: int) -> None:
    """Paired on the same digits, a row is better, worse or the same; only worse stands in the way."""
    made = compared(OLD, new)
    assert made.changes[0].word is word
    assert made.exit_code == code


def test_a_small_sample_cannot_tell() -> None:
    """A hundred digits of which two turned say nothing, and a point is not the same as no change."""
    few = robust(codes(range(7), 100)), robust(codes(range(9), 100))
    seen = change(*few)
    assert seen.word is Word.CANNOT_TELL
    assert seen.low is not None
    assert seen.low < -0.01


def test_what_turned_is_listed() -> None:
    """Newly broken digits name their attack; newly safe ones the attack that broke the old version."""
    seen = change(robust(codes(range(3))), robust(codes(range(1, 5)).replace("...", "..x", 1)))
    assert seen.broken is not None
    assert seen.safe is not None
    assert [(t.place, t.label, t.by) for t in seen.safe] == [(0, 0, "PGD-40")]
    assert [t.place for t in seen.broken] == [3, 4, 7]
    assert seen.broken[-1].by == "misread without any attack"
    assert [(s.name, s.old, s.new) for s in seen.stages] == [("FGSM", 0, 0), ("PGD-40", 3, 4)]
    assert sum(part.n for part in seen.classes) == len(LABELS)


def test_classes_show_where_it_happens() -> None:
    """A class that falls shows beside nine that do not."""
    text = "".join("1" if c == "4" and p < 3_000 else "." for p, c in enumerate(LABELS))
    parts = {part.name: part for part in change(robust(codes(range(0))), robust(text)).classes}
    assert parts["4"].high < -0.2
    assert parts["5"].low <= 0 <= parts["5"].high


def test_the_worst_class() -> None:
    """The worst of ten classes is compared as such, and its fall is called worse."""
    bad = "".join("9" if c == "3" and p < 1_000 else c for p, c in enumerate(LABELS))
    seen = change(
        read_as(LABELS, "worst_class_accuracy"), read_as(bad, "worst_class_accuracy", at_least=0.1)
    )
    assert seen.word is Word.WORSE
    assert seen.difference == pytest.approx(-0.1)
    assert seen.paired.startswith("worst of 10")


def backdoor(steered: int, target: Any = 7, **row: Any) -> Finding:
    """A backdoor row in which the first digits of other classes are read as 7 with the trigger."""
    done = 0
    text = []
    for label in LABELS:
        hit = label != "7" and done < steered
        done += hit
        text.append("7" if hit else label)
    answers = {"order": "all", "places": "", "labels": LABELS, "read": LABELS}
    evidence = {"answers": {**answers, "triggered": "".join(text)}}
    settings = {"target": target, "digits": 10_000}
    fields = {"at_most": 0.5, "settings": settings, "seen": {"complete": False}, **row}
    return judged("BACKDOOR-01", "backdoor_success", steered / 9_000, evidence, **fields)


@pytest.mark.parametrize("target", [7, "all"])
def test_a_backdoor_that_grows_is_worse(target: Any) -> None:
    """For a rate that should be low, up is worse, for one target as for the worst of ten."""
    assert change(backdoor(90, target), backdoor(400, target)).word is Word.WORSE
    assert change(backdoor(400, target), backdoor(90, target)).word is Word.BETTER
    grown = change(backdoor(0, target), backdoor(5, target))
    assert grown.word is Word.SAME
    assert grown.broken is not None
    assert len(grown.broken) == 5


def latency(value: float) -> Finding:
    """A latency row of this ratio."""
    seen = {"low": value - 0.02, "high": value + 0.02, "unit": "ratio", "complete": False, "n": 21}
    return judged("LAT-01", "latency_ratio", value, {}, at_most=3.0, settings={}, seen=seen)


def test_latency_is_compared_without_digits() -> None:
    """A ratio twice as high is worse, one within a tenth is the same."""
    assert change(latency(1.0), latency(2.0)).word is Word.WORSE
    assert change(latency(1.0), latency(1.05)).word is Word.SAME


def static(*files: str) -> Finding:
    """A static row that complains about these files."""
    told = [
        {"file": f, "line": 3, "tool": "bandit", "rule": "B301", "message": "no"} for f in files
    ]
    seen = {"unit": "count", "low": len(files), "high": len(files), "n": 9, "complete": True}
    return judged(
        *("STATIC-01", "static_findings", float(len(files)), {"static": told}),
        at_most=99,
        settings={},
        seen=seen,
    )


def test_counts_are_exact() -> None:
    """One more complaint is worse; the same number of others lists what is new."""
    assert change(static("a.py"), static("a.py", "b.py")).word is Word.WORSE
    moved = change(static("a.py"), static("b.py"))
    assert moved.word is Word.SAME
    assert moved.broken is not None
    assert "b.py" in moved.broken[0].by


DOUBT = {"doubts": (Doubt(name="weak attack", reason="Square breaks more", advice="take it"),)}


def test_a_doubted_number_proves_nothing_good() -> None:
    """A doubt on the new side leaves only worse standing, on the old side only better."""
    new_better, new_worse = (robust(codes(range(n)), seen=DOUBT) for n in (500, 900))
    assert change(OLD, new_better).word is Word.CANNOT_TELL
    assert "weak attack" in change(OLD, new_better).reason
    assert change(OLD, new_worse).word is Word.WORSE
    old = robust(codes(range(700)), seen=DOUBT)
    assert change(old, BETTER).word is Word.BETTER
    assert change(old, WORSE).word is Word.CANNOT_TELL


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
    made = compared(OLD, new)
    assert made.changes[0].verdict is verdict
    assert made.exit_code == (verdict is Verdict.FAIL)


def test_on_a_sample_the_interval_decides_a_bound() -> None:
    """A limit inside the interval is undecided: not good, and not a failure."""
    old, new = robust(codes(range(70), 1_000)), robust(codes(range(80), 1_000), max_drop=0.012)
    made = compared(old, new)
    assert made.changes[0].verdict is Verdict.INCONCLUSIVE
    assert made.exit_code == 3
    assert compared(old, robust(codes(range(150), 1_000), max_drop=0.012)).exit_code == 1
    assert compared(old, robust(codes(range(71), 1_000), max_drop=0.012)).exit_code == 0


def test_a_bound_that_cannot_be_counted_is_undecided() -> None:
    """Latency has no digits to break: max_newly_broken on it is never met."""
    assert compared(latency(1.0), changed(latency(1.0), max_newly_broken=5)).exit_code == 3


def test_a_rise_from_zero_is_endless() -> None:
    """Relative to nothing, any rise of a bad rate is too much."""
    whole = {"seen": {"complete": True}}
    old, bound = backdoor(0, **whole), {**whole, "max_relative_drop": 0.5}
    assert compared(old, backdoor(3, **bound)).exit_code == 1
    assert compared(old, backdoor(0, **bound)).exit_code == 0


def test_a_waiver_covers_the_change() -> None:
    """A waived row is listed as worse, and stands in nobody's way until its day has passed."""
    waiver = Waiver(reason="retraining is scheduled", expires="2026-12-31")
    made = compared(OLD, changed(WORSE, waiver=waiver))
    assert made.changes[0].word is Word.WORSE
    assert made.exit_code == 0
    late = Waiver(reason="retraining is scheduled", expires="2026-11-20")
    assert compared(OLD, changed(WORSE, waiver=late)).exit_code == 1


def test_the_new_version_needs_its_own_verdict() -> None:
    """Better than before is not enough: a requirement that fails still fails."""
    assert compared(OLD, robust(codes(range(500)), at_least=0.99)).exit_code == 1


def places(finding: Finding, text: str) -> Finding:
    """The same digits, said to lie at other places."""
    seen = finding.measurement
    assert seen is not None
    outcomes = {**seen.evidence["outcomes"], "places": text}
    return dataclasses.replace(
        finding, measurement=dataclasses.replace(seen, evidence={"outcomes": outcomes})
    )


SMALL = robust(codes(range(2), 10))
OTHER_EPS = {**SETTINGS, "threat": {"norm": "linf", "eps": 0.1}}
UNLIKE: dict[str, tuple[Finding, Finding, str]] = {
    "protocol": (OLD, changed(SAME, settings=OTHER_EPS), "the protocol differs: linf 0.3 before"),
    "digits": (OLD, changed(SAME, settings={**SETTINGS, "digits": 9}), "digits 10000 before"),
    "seed": (OLD, changed(SAME, seed=4), "the seed was 0, is 4"),
    "tier": (OLD, changed(SAME, tier="full"), "of tier standard, is of tier full"),
    "measure": (OLD, changed(SAME, measure="attack_accuracy"), "measured robust_accuracy"),
    "order": (SMALL, places(SMALL, "9 8 7 6 5 4 3 2 1 0"), "measured different digits"),
    "no number": (
        OLD,
        SAME.requirement.unmeasured(Verdict.ERROR, "the attack crashed"),
        "the new version has no number: ERROR, the attack crashed",
    ),
    "out of scope": (dataclasses.replace(OLD, in_scope=False), SAME, "was not asked"),
    "no digits": (OLD, judged("ADV-03", "robust_accuracy", 0.9, {}), "recorded no digits"),
    "no verdict": (OLD, robust(codes(range(9)), seen={"inconclusive": "saturated"}), "saturated"),
    "malformed": (SMALL, places(SMALL, "a b"), "malformed evidence"),
    "forged": (OLD, robust(codes(range(9)), seen={"value": 0.99}), "the digits give 0.9991"),
}


@pytest.mark.parametrize(("old", "new", "reason"), UNLIKE.values(), ids=UNLIKE)
def test_unlike_rows_are_never_good(old: Finding, new: Finding, reason: str) -> None:
    """A row that was measured otherwise is not comparable, says why, and keeps the exit code from 0."""
    made = compared(old, new)
    assert made.changes[0].word is Word.NOT_COMPARABLE
    assert reason in made.changes[0].reason
    assert made.exit_code == 3


def stages(finding: Finding, *names: str) -> Finding:
    """The same outcomes of other attacks."""
    seen = finding.measurement
    assert seen is not None
    outcomes = {**seen.evidence["outcomes"], "stages": list(names)}
    return dataclasses.replace(
        finding, measurement=dataclasses.replace(seen, evidence={"outcomes": outcomes})
    )


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
    assert (left.exit_code, left.changes[1].reason[:28]) == (3, "the row has left the policy;")


def test_a_row_out_of_the_new_scope_is_neutral() -> None:
    """What the new run was not asked for is listed and decides nothing."""
    outside = dataclasses.replace(robust(codes(range(9)), name="ADV-09"), in_scope=False)
    made = compare(
        assessment(OLD, robust(codes(range(9)), name="ADV-09")),
        assessment(SAME, outside, digest="new"),
    )
    assert made.exit_code == 0
    assert made.changes[1].word is Word.NOT_COMPARABLE


def other(kind: str) -> Assessment:
    """A new version that was assessed otherwise."""
    made = assessment(SAME, digest="new")
    data = made.to_json()
    if kind == "same model":
        data["subject"]["digest"] = "old" * 16
    elif kind == "no digest":
        del data["subject"]["digest"]
    elif kind == "data":
        data["subject"]["data"] = {"name": "other digits", "digests": {"x": "y"}}
    elif kind == "tool":
        data["environment"]["packages"]["securemnist"] = "0.2.0"
    else:
        data["environment"]["packages"]["torch"] = "2.14.1"
    return Assessment.from_json(data)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("same model", "got the same one twice"),
        ("no digest", "got a new one without a digest"),
        ("data", "got MNIST and other digits"),
        ("tool", "got 0.1.0 and 0.2.0"),
    ],
)
def test_refusals(kind: str, told: str) -> None:
    """Nothing is said of assessments of one model, on other data or by another tool version."""
    with pytest.raises(UsageError) as refused:
        compare(assessment(OLD), other(kind))
    assert told in one_sentence(refused.value)
    assert refused.value.exit_code == 2


def test_one_model_twice_where_asked() -> None:
    """With same_model the comparison shows what chance alone does."""
    assert compare(assessment(OLD), other("same model"), same_model=True).exit_code == 0


def test_another_torch_is_another_measurement() -> None:
    """A package that can change a number makes its rows incomparable."""
    made = compare(assessment(OLD), other("torch"))
    assert made.changes[0].reason == "torch was 2.13.0, is 2.14.1"
    assert made.exit_code == 3


def test_a_changed_policy_is_noted() -> None:
    """A threshold or bound that was made easier stands beside the row."""
    old = robust(codes(range(700)), max_drop=0.01)
    new = robust(codes(range(700)), at_least=0.4, max_drop=0.5)
    notes = change(old, changed(new)).notes
    assert notes == ("the threshold was 0.5, is 0.4", "max_drop was 0.01, is 0.5")


def test_it_is_json() -> None:
    """A comparison is builtins, with its verdict and words."""
    data = json.loads(json.dumps(compared(OLD, WORSE).to_json(), allow_nan=False))
    assert (data["exit_code"], data["counts"]["worse"]) == (1, 1)
    assert data["changes"][0]["verdict"] == "FAIL"
    assert len(data["changes"][0]["broken"]) == 200


def test_ten_thousand_digits_are_quick() -> None:
    """Twelve rows of 10,000 digits are compared in far less than three seconds."""
    sides = [
        assessment(*(dataclasses.replace(changed(f, id=f"R-{n}")) for n in range(12)), digest=d)
        for f, d in ((OLD, "old"), (WORSE, "new"))
    ]
    began = time.process_time()
    assert compare(*sides).counts["worse"] == 12
    assert time.process_time() - began < 3
