"""Answers under corruptions: two versions on the same corrupted images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from securemnist.comparison.change import Part
from securemnist.comparison.difference import PairedDifference
from securemnist.comparison.paired_scores import PairedScores
from securemnist.comparison.per_image import ROUNDING, Inconsistent
from securemnist.comparison.worse_part import corrected, worst
from securemnist.results.evidence.natural import CorruptionEvidence
from securemnist.results.evidence.tables import CorruptionTable
from securemnist.results.findings import Measurement


@dataclass(frozen=True, eq=False)
class CorruptionAnswers:
    """Right answers of a version to n images: integers (k, n) from 0 to the number of severities.

    The value is the mean over the `kinds` (k,), or the `extreme` of their shares.
    """

    evidence: CorruptionEvidence
    table: CorruptionTable
    right: np.ndarray

    @property
    def extreme(self) -> Callable[..., Any]:
        """What the value is of the shares of the kinds: their minimum, or their mean."""
        return np.min if self.evidence.worst else np.mean

    @property
    def value(self) -> float:
        """What the measurement should say."""
        return float(self.extreme(self.right.mean(1))) / len(self.evidence.severities)

    @property
    def corruptions(self) -> tuple[str, list[str], list[int]]:
        """Benchmark, kinds and severities."""
        kinds = [one.kind for one in self.evidence.corruptions or ()]
        return self.evidence.benchmark, kinds, self.evidence.severities


def answers_of(measurement: Measurement) -> CorruptionAnswers | None:
    """The answers of a measurement; None without any, Inconsistent where they give another value."""
    evidence = measurement.evidence
    if not isinstance(evidence, CorruptionEvidence) or evidence.answers is None:
        return None
    right = evidence.answers.right(len(evidence.severities)).sum(1, dtype=np.int8)
    answers = CorruptionAnswers(evidence, evidence.answers, right)
    if abs(answers.value - measurement.value) > ROUNDING:
        raise Inconsistent(f"the images give {answers.value:.4f}, not {measurement.value:.4f}")
    return answers


def difference(
    old: CorruptionAnswers, new: CorruptionAnswers, *, exact: bool
) -> PairedDifference | str:
    """The difference of two rows by images with all their answers, or why there is none.

    `exact`: both measured the complete set.
    """
    if not old.table.same_images(new.table):
        return "the two measured different images"
    if old.corruptions != new.corruptions or old.extreme is not new.extreme:
        return "the two measured different corruptions"
    scores = PairedScores(old.right, new.right, len(new.evidence.severities))
    low, high = scores.interval(new.extreme)
    mean = new.extreme is np.mean
    drawn = "images drawn with all their answers"
    return PairedDifference(
        paired=f"paired, {drawn}" if mean else f"worst of {len(new.right)}, {drawn}",
        difference=new.value - old.value,
        low=low,
        high=high,
        n=new.right.shape[1],
        p_value=scores.p_value if mean else None,
        kinds=_kinds(new, scores, scores.intervals()),
        exact=exact,
        worse=worst(_kinds(new, scores, scores.intervals(corrected(len(new.right)))), up=True),
    )


def _kinds(
    new: CorruptionAnswers, scores: PairedScores, intervals: list[tuple[float, float]]
) -> tuple[Part, ...]:
    """The difference under each kind, with its interval."""
    n, (was, now) = new.right.shape[1], scores.shares
    rows = zip(new.corruptions[1], was.tolist(), now.tolist(), intervals, strict=True)
    return tuple(
        Part(name=kind, n=n, old=before, new=after, low=low, high=high)
        for kind, before, after, (low, high) in rows
    )
