"""The bounds of a row on its change: max_drop, max_relative_drop, max_newly_broken.

A drop is a step to the worse, whichever way that is: down for `at_least`, up for `at_most`. As with
thresholds, on the complete set the exact number decides, on a sample the bound of the interval.
"""

from __future__ import annotations

import dataclasses
import math

from securemnist.comparison.change import Bound, BoundKey
from securemnist.comparison.difference import PairedDifference
from securemnist.results.findings import Requirement, Verdict

_ROUNDING = 1e-9  # 0.93 - 0.92 is a little more than 0.01


def judge(
    row: Requirement, change: PairedDifference, old: float, doubt: str = ""
) -> tuple[Bound, ...]:
    """The verdict of each bound of the row; `old` is the old value.

    `doubt` says why the numbers are in doubt: such a number decides nothing.
    """
    worse = -1.0 if row.at_least is not None else 1.0
    drop = worse * change.difference + 0.0  # no -0
    low, high = sorted((worse * change.low, worse * change.high))
    drops = (drop, drop, drop) if change.exact else (drop, low, high)
    remedy = "give the proofs more time" if change.by_time else "measure more images"
    bounds = []
    if row.max_drop is not None:
        bounds.append(_drop("max_drop", row.max_drop, *drops, remedy=remedy))
    if row.max_relative_drop is not None:
        scale = 1 / abs(old) if old else math.inf  # of a zero, every rise is endlessly much
        scaled = [number * scale if number else 0.0 for number in drops]
        bounds.append(_drop("max_relative_drop", row.max_relative_drop, *scaled, remedy=remedy))
    if row.max_newly_broken is not None:
        bounds.append(_newly_broken(row.max_newly_broken, change))
    if not doubt:
        return tuple(bounds)
    undecided = []
    for bound in bounds:
        counted = bound.key != "max_newly_broken" or bound.measured is not None
        reason = doubt if counted else bound.reason
        undecided.append(dataclasses.replace(bound, verdict=Verdict.INCONCLUSIVE, reason=reason))
    return tuple(undecided)


def _drop(
    key: BoundKey, limit: float, drop: float, low: float, high: float, *, remedy: str
) -> Bound:
    reason = ""
    if low > limit + _ROUNDING:
        verdict = Verdict.FAIL
        reason = "" if math.isfinite(drop) else "the old value is zero"
    elif high <= limit + _ROUNDING:
        verdict = Verdict.PASS
    else:
        verdict = Verdict.INCONCLUSIVE
        reason = f"the limit lies inside [{low:.4f}, {high:.4f}]; {remedy}"
    number = drop if math.isfinite(drop) else None
    return Bound(key=key, limit=limit, measured=number, verdict=verdict, reason=reason)


def _newly_broken(limit: int, change: PairedDifference) -> Bound:
    key: BoundKey = "max_newly_broken"
    if change.broken is None:
        reason = "this row counts no images or findings one by one; bound it by max_drop"
        unknown = Verdict.INCONCLUSIVE
        return Bound(key=key, limit=limit, measured=None, verdict=unknown, reason=reason)
    count = len(change.broken)
    verdict, reason = Verdict.FAIL if count > limit else Verdict.PASS, ""
    if count <= limit < count + change.unknown:
        verdict = Verdict.INCONCLUSIVE
        reason = f"{change.unknown:,} more images were left undecided; give the search more seconds"
    return Bound(key=key, limit=limit, measured=count, verdict=verdict, reason=reason)
