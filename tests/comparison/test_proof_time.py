"""Proofs with a time budget: what an open image says of two versions, and what it does not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from securemnist.comparison.change import Word
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.certificates import (
    Certificates,
    CertifiedEvidence,
    ProofSearch,
)
from securemnist.results.findings import Finding, Verdict
from tests.comparison.builders import LABELS, change, changed, judged
from tests.outcome_text import table

N, STAGES = 1_000, ["PGD-40", "branch and bound"]


def searched(text: str, *, left: int, certified: bool = True, **row: Any) -> Finding:
    """A finding with these outcomes, whose search for proofs left so many images open."""
    images = text.count("c") + left
    search = ProofSearch(images=images, seconds=60.0, decided=[1.0] * (images - left))
    kind = CertifiedEvidence if certified else AttackEvidence
    evidence = dataclasses.replace(
        kind.from_json({"outcomes": table(LABELS[: len(text)], text, STAGES)}),
        certificates=Certificates(search=search),
    )
    held = text.count("c") + (0 if certified else text.count("."))
    measure = "certified_accuracy" if certified else "robust_accuracy"
    return judged("CERT-01", measure, held / len(text), evidence, n=len(text), at_least=0.1, **row)


def split(first: str, then: str, count: int) -> str:
    """Outcomes of N images, of which the first `count` have the first code."""
    return first * count + then * (N - count)


@pytest.mark.parametrize(("old", "new"), [(300, 200), (200, 300)])
def test_more_proofs_in_the_time_are_neither_better_nor_worse(old: int, new: int) -> None:
    """One model on a busy machine has fewer proofs; its images are open, and not broken."""
    sides = [searched(split("c", "?", count), left=N - count) for count in (old, new)]
    found = change(*sides)
    assert (found.word, found.verdict) == (Word.CANNOT_TELL, Verdict.INCONCLUSIVE)
    assert (found.broken, found.safe) == ((), ())
    assert any("100 images were decided by proof for one version only" in n for n in found.notes)


def test_what_no_time_would_prove_is_worse() -> None:
    """A search that decided each image has broken those that it did not prove."""
    old = searched(split("c", "?", 300), left=700)
    found = change(old, searched(split("c", "?", 200), left=0))
    assert found.word is Word.WORSE
    assert found.broken is not None
    assert len(found.broken) == 100
    misclassified = searched("x" * 100 + "c" * 200 + "?" * 700, left=700)
    assert change(old, misclassified).word is Word.WORSE


def test_the_same_proofs_are_the_same() -> None:
    """Images that are open for both say nothing against either."""
    one = searched(split("c", "?", 300), left=700)
    assert change(one, one).word is Word.SAME


@pytest.mark.parametrize(("broken", "word"), [("1", Word.CANNOT_TELL), ("0", Word.WORSE)])
def test_an_open_survivor_may_be_broken_with_more_time(broken: str, word: Word) -> None:
    """A counterexample of branch and bound may exist for the other version; PGD had tried both."""
    old = searched("." * 900 + "c" * 100, left=900, certified=False)
    new = searched(broken * 100 + "." * 800 + "c" * 100, left=0, certified=False)
    assert change(old, new).word is word


def test_limits_wait_for_the_proofs() -> None:
    """A limit neither fails nor is met by images that one version had no time for."""
    old = searched(split("c", "?", 300), left=700)
    for limits in ({"max_drop": 0.05}, {"max_newly_broken": 50}, {"max_relative_drop": 0.2}):
        found = change(old, changed(searched(split("c", "?", 200), left=800), **limits))
        assert found.verdict is Verdict.INCONCLUSIVE
        assert "more" in found.bounds[0].reason
        few = changed(searched(split("c", "?", 290), left=710), **limits)
        assert change(old, few).verdict is Verdict.PASS
