"""One row under both versions: what is called better, worse, the same, or none of these."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from securemnist.comparison import wording
from securemnist.comparison.change import Word
from securemnist.comparison.comparison import compare
from securemnist.results.evidence.static import StaticEvidence
from securemnist.results.evidence.threats import ThreatEvidence
from securemnist.results.findings import Doubt, Finding
from tests.comparison.builders import (
    BETTER,
    LABELS,
    OLD,
    SAME,
    WORSE,
    assessment,
    backdoor,
    change,
    codes,
    compared,
    judged,
    latency,
    read_as,
    robust,
)


@pytest.mark.parametrize(
    ("new", "word", "code"),
    [(WORSE, Word.WORSE, 1), (SAME, Word.SAME, 0), (BETTER, Word.BETTER, 0)],
    ids=["worse", "same", "better"],
)
def test_the_word_of_a_row(new: Finding, word: Word, code: int) -> None:
    """Paired on the same images, a row is better, worse or the same; only worse stands in the way."""
    comparison = compared(OLD, new)
    assert comparison.changes[0].word is word
    assert comparison.exit_code == code


def test_a_small_sample_cannot_tell() -> None:
    """A hundred images of which two turned say nothing, and a point is not the same as no change."""
    few = robust(codes(range(7), 100)), robust(codes(range(9), 100))
    result = change(*few)
    assert result.word is Word.CANNOT_TELL
    assert result.low is not None
    assert result.low < -0.01


def test_what_turned_is_listed() -> None:
    """Newly broken images name their attack; newly safe ones the attack that broke the old version."""
    result = change(robust(codes(range(3))), robust(codes(range(1, 5)).replace("...", "..x", 1)))
    assert result.broken is not None
    assert result.safe is not None
    assert [(t.place, t.label, t.by) for t in result.safe] == [(0, 0, "PGD-40")]
    assert [t.place for t in result.broken] == [3, 4, 7]
    assert result.broken[-1].by == "misclassified without an attack"
    assert [(s.name, s.old, s.new) for s in result.stages] == [("FGSM", 0, 0), ("PGD-40", 3, 4)]
    assert sum(part.n for part in result.classes) == len(LABELS)


def test_classes_show_where_it_happens() -> None:
    """A class that falls shows beside nine that do not."""
    text = "".join("1" if c == "4" and p < 3_000 else "." for p, c in enumerate(LABELS))
    parts = {part.name: part for part in change(robust(codes(range(0))), robust(text)).classes}
    assert parts["4"].high < -0.2
    assert parts["5"].low <= 0 <= parts["5"].high


def test_a_misclassified_image_names_its_class() -> None:
    """Without an attack a turned image names the class that it is read as now."""
    (turned,) = change(read_as(LABELS), read_as("7" + LABELS[1:])).broken or ()
    assert (turned.place, turned.label, turned.by) == (0, 0, "predicted as 7")


def test_the_worst_class() -> None:
    """The worst of ten classes is compared as such, and its fall is called worse."""
    bad = "".join("9" if c == "3" and p < 1_000 else c for p, c in enumerate(LABELS))
    result = change(
        read_as(LABELS, "worst_class_accuracy"), read_as(bad, "worst_class_accuracy", at_least=0.1)
    )
    assert result.word is Word.WORSE
    assert result.difference == pytest.approx(-0.1)
    assert result.paired.startswith("worst of 10")


@pytest.mark.parametrize("target", [7, "all"])
def test_a_backdoor_that_grows_is_worse(target: Any) -> None:
    """For a rate that should be low, up is worse, for one target as for the worst of ten."""
    assert change(backdoor(90, target), backdoor(400, target)).word is Word.WORSE
    assert change(backdoor(400, target), backdoor(90, target)).word is Word.BETTER
    grown = change(backdoor(0, target), backdoor(5, target))
    assert grown.word is Word.SAME
    assert grown.broken is not None
    assert len(grown.broken) == 5


def test_latency_is_compared_without_images() -> None:
    """A ratio twice as high is worse, one within a tenth is the same."""
    assert change(latency(1.0), latency(2.0)).word is Word.WORSE
    assert change(latency(1.0), latency(1.05)).word is Word.SAME


def static(*files: str) -> Finding:
    """A static row that complains about these files."""
    issue = {"line": 3, "tool": "bandit", "rule": "B301", "severity": "low", "message": "no"}
    static = [{**issue, "advice": "", "file": file} for file in files]
    evidence = StaticEvidence.from_json({"static": static})
    measured = {"unit": "count", "low": len(files), "high": len(files), "n": 9, "complete": True}
    return judged(
        *("STATIC-01", "static_findings", float(len(files)), evidence),
        at_most=99,
        settings={},
        measured=measured,
    )


def test_counts_are_exact() -> None:
    """One more complaint is worse; the same number of others lists what is new."""
    assert change(static("a.py"), static("a.py", "b.py")).word is Word.WORSE
    moved = change(static("a.py"), static("b.py"))
    assert moved.word is Word.SAME
    assert moved.broken is not None
    assert "b.py" in moved.broken[0].by
    assert moved.notes == ("1 of these are new, first b.py: bandit B301: no",)


@pytest.mark.parametrize(
    ("old", "new", "noted"), [(20, 21, False), (21, 20, True), (21, 21, False)]
)
def test_versions_in_the_wrong_order_are_noted(old: int, new: int, noted: bool) -> None:
    """With OLD and NEW swapped a worse version is better: the answer says which was assessed later."""
    sides = [assessment(row, digest=d) for row, d in ((WORSE, "old"), (OLD, "new"))]
    dated = [
        dataclasses.replace(
            side, environment={**side.environment, "time": f"2026-11-{day}T12:00:00+00:00"}
        )
        for side, day in zip(sides, (old, new), strict=True)
    ]
    why = wording.headline(compare(*dated)).why
    assert ("the old one was assessed later (2026-11-21T12:00:00Z)" in why) is noted


def test_what_the_version_accepts_of_itself_is_noted() -> None:
    """Fewer findings because its own baseline or comments accept more: the row says so."""

    def accepting(number: int) -> Finding:
        found = static("a.py")
        assert found.measurement is not None
        evidence = dataclasses.replace(found.measurement.evidence, accepted=number)
        measurement = dataclasses.replace(found.measurement, evidence=evidence)
        return dataclasses.replace(found, measurement=measurement)

    noted = "the number of findings that the baseline accepts was 3, is 5"
    assert change(accepting(3), accepting(5)).notes == (noted,)
    assert change(accepting(3), accepting(3)).notes == ()


def test_a_threat_that_left_the_threat_model_is_noted() -> None:
    """As many threats without a row, of fewer threats in all."""

    def threats(number: int) -> Finding:
        measured = {"unit": "count", "low": 0.0, "high": 0.0, "n": number, "complete": True}
        evidence = ThreatEvidence(threats=[])
        row = {"at_most": 5, "settings": {}, "measured": measured}
        return judged("THREATS-01", "uncovered_threats", 0.0, evidence, **row)

    noted = "the number of threats in the threat model was 12, is 11"
    assert change(threats(12), threats(11)).notes == (noted,)


DOUBT = {"doubts": (Doubt(name="weak attack", reason="Square breaks more", advice="take it"),)}


def test_a_doubted_number_proves_nothing_good() -> None:
    """A doubt on the new side leaves only worse standing, on the old side only better."""
    new_better, new_worse = (robust(codes(range(n)), measured=DOUBT) for n in (500, 900))
    assert change(OLD, new_better).word is Word.CANNOT_TELL
    assert "weak attack" in change(OLD, new_better).reason
    assert change(OLD, new_worse).word is Word.WORSE
    old = robust(codes(range(700)), measured=DOUBT)
    assert change(old, BETTER).word is Word.BETTER
    assert change(old, WORSE).word is Word.CANNOT_TELL


def test_a_proved_threshold_is_no_proof_of_the_number_above_it() -> None:
    """Certificates of 60 % of the images leave a doubt about the others; those of all leave none."""

    def proved(share: float) -> dict[str, Any]:
        return {**DOUBT, "certified": share, "certified_low": share}

    for bound in ({}, {"max_drop": 0.1}):
        in_part = robust(codes(range(500)), measured=proved(0.6), **bound)
        assert in_part.proved
        assert compared(OLD, in_part).exit_code == 3
        assert (
            compared(OLD, robust(codes(range(500)), measured=proved(0.95), **bound)).exit_code == 0
        )
