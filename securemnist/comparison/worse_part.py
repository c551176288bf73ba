"""The class, or the kind of corruption, that got worse most: a mean over all may hide it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from securemnist.comparison.change import Part
from securemnist.comparison.intervals import CONFIDENCE, unpaired_interval
from securemnist.comparison.per_image import EventMatrix, pair
from securemnist.results.evidence.base import Evidence
from securemnist.results.evidence.natural import CorruptionEvidence
from securemnist.results.intervals import share_interval
from securemnist.view.class_names import ClassNames


def worse_class(old: EventMatrix, new: EventMatrix, names: ClassNames, *, up: bool) -> Part | None:
    """The class that is certainly worse, of several that of the largest loss; None without one.

    The intervals are corrected for the number of classes. `up`: more events are better.
    """
    labels = np.unique(old.labels).tolist()
    parts = []
    for label in labels:
        for table in pair(old.in_one_row, new.in_one_row, old.labels == label):
            low, high = table.interval(corrected(len(labels)))
            shares = {"old": table.old, "new": table.new, "low": low, "high": high}
            parts.append(Part(name=f"class {names[label]}", n=table.n, **shares))
    return worst(parts, up=up)


def worse_kind(old: Evidence, new: Evidence, n: int) -> Part | None:
    """The same of kinds of corruption, each asked for `n` images; None of other evidence.

    Intervals are those of shares of n answers, as in the measure.
    """
    if not isinstance(old, CorruptionEvidence) or not isinstance(new, CorruptionEvidence):
        return None
    before = {kind.kind: float(np.mean(kind.accuracy)) for kind in old.corruptions or ()}
    parts = []
    for kind in new.corruptions or ():
        if (was := before.get(kind.kind)) is None:
            continue
        now, confidence = float(np.mean(kind.accuracy)), corrected(len(before))
        sides = [(one, *share_interval(one * n, n, confidence=confidence)) for one in (was, now)]
        low, high = unpaired_interval(*sides)
        parts.append(Part(name=kind.kind, n=n, old=was, new=now, low=low, high=high))
    return worst(parts, up=True)


def corrected(parts: int) -> float:
    """Bonferroni's, for so many intervals at once."""
    return 1 - (1 - CONFIDENCE) / max(parts, 1)


def worst(parts: Iterable[Part], *, up: bool) -> Part | None:
    """The part whose interval is farthest on the bad side of zero."""
    loss = {part: -part.high if up else part.low for part in parts}
    found = max(loss, key=loss.__getitem__, default=None)
    return found if found is not None and loss[found] > 0 else None
