"""What was measured: the number of a row, its settings in words, and its slices by class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from securemnist.results.assessment import Assessment
from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.certificates import CertifiedEvidence
from securemnist.results.evidence.natural import CorruptionEvidence
from securemnist.results.findings import Finding
from securemnist.results.intervals import share_interval
from securemnist.results.measurement import Measurement
from securemnist.results.per_image import NOT_ATTEMPTED
from securemnist.results.settings_text import describe
from securemnist.results.verdicts import Verdict
from securemnist.sanitize import sentence
from securemnist.view.class_names import ClassNames

_NUMBERED = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)
# What the parts of a row's samples are measured by, where the row takes the worst of them.
_OF_PARTS = {
    "worst_class_accuracy": "clean_accuracy",
    "worst_corruption_accuracy": "corruption_accuracy",
}
_EXACT = 1e-9  # how near a share lies to a whole number of samples


@dataclass(frozen=True, kw_only=True)
class Slice:
    """`measure` on a part of the samples, with its 95 % interval where `n` samples are known."""

    name: str
    measure: str
    value: float
    n: int = 0
    low: float | None = None
    high: float | None = None


def name(value: object, otherwise: str, limit: int = 200) -> str:
    """A stored name as one cleaned line; `otherwise` where nothing of it can be read."""
    return (sentence(value, limit) if value else "") or otherwise


def measured(finding: Finding) -> Measurement | None:
    """The measurement of a row whose verdict rests on a number; None where nothing was measured."""
    found = finding.measurement
    if found is None or finding.verdict not in _NUMBERED or not finding.in_scope:
        return None
    return None if found.impossible else found


def complete(assessment: Assessment) -> bool:
    """Whether every row of the policy has a number, in a run that was not interrupted."""
    everything = all(measured(finding) is not None for finding in assessment.findings)
    return everything and not assessment.interrupted


def settings(finding: Finding, limit: int = 300) -> str:
    """`PGD steps=40, linf 0.1, images 10000`; "" for a row without settings."""
    return sentence(describe(finding.requirement.settings), limit)


def limits(finding: Finding) -> list[str]:
    """Why the number of a row says less than it seems: doubts, ties, proofs that are missing."""
    found = measured(finding)
    if found is None:
        return []
    texts = [found.inconclusive, found.bracket, found.ties, found.smoothing]
    if found.survived:
        texts.append("rests on attacks that failed: an upper bound of the truth")
    texts += [f"{doubt.name}: {doubt.reason}" for doubt in found.doubts]
    return [sentence(text, 600) for text in texts if text]


def not_measured(finding: Finding) -> str:
    """Why a row has no number: `NOT_RUN: out of scope`."""
    reason = finding.reason or "no reason is recorded"
    if finding.measurement is not None and finding.measurement.impossible:
        reason = finding.measurement.impossible
    return sentence(f"{finding.verdict}: {reason}", 600)


def slices(finding: Finding, names: ClassNames) -> Iterator[Slice]:
    """The row's value by class, and by kind of corruption, where its evidence has them.

    The exact interval of a class is that of its own samples alone. It is left out where the number of
    samples behind the share is not stored.
    """
    found = measured(finding)
    if found is None:
        return
    evidence = found.evidence
    whole = finding.requirement.measure
    measure = _OF_PARTS.get(whole) or sentence(whole, 120)
    if isinstance(evidence, CorruptionEvidence):
        for one in evidence.corruptions or ():
            kind = f"corruption {sentence(one.kind, 60)}"
            yield Slice(name=kind, measure=measure, value=one.mean)
    shares = getattr(evidence, "per_class_asr", None) or getattr(evidence, "per_class", None) or []
    labels = _labels(evidence)  # 0 samples where they cannot be counted from the evidence
    counts = np.bincount([] if labels is None else labels, minlength=len(shares)).tolist()
    for label, (value, n) in enumerate(zip(shares, counts, strict=False)):
        if value is not None:
            part = Slice(name=f"class {names[label]}", measure=measure, value=value)
            yield _with_interval(part, n)


def _with_interval(part: Slice, n: int) -> Slice:
    hits = round(part.value * n)
    if not n or abs(hits / n - part.value) > _EXACT:
        return part
    low, high = share_interval(hits, n)
    return replace(part, n=n, low=low, high=high)


def _labels(evidence: object) -> np.ndarray | None:
    """The true classes of the samples that count, (n,)."""
    if isinstance(evidence, AttackEvidence) and evidence.outcomes is not None:
        table = evidence.outcomes
        return np.asarray(table.labels[table.codes != NOT_ATTEMPTED])
    if isinstance(evidence, CertifiedEvidence) and evidence.outcomes is not None:
        return evidence.outcomes.labels
    if isinstance(evidence, CleanEvidence) and evidence.answers is not None:
        return evidence.answers.labels
    if isinstance(evidence, BackdoorEvidence) and evidence.answers is not None:
        answers, target = evidence.answers, evidence.target
        # Samples of the target, or read as it without the trigger, show no effect of the trigger.
        if isinstance(target, int) and evidence.source is None:
            counted = (answers.labels != target) & (answers.clean != target)
            return np.asarray(answers.labels[counted])
    return None
