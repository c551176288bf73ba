"""The bounds of a row on its change: max_drop, max_relative_drop, max_newly_broken.

A drop is a step to the worse, whichever way that is: down for `at_least`, up for `at_most`. As with
thresholds, on the complete set the exact number decides, on a sample the bound of the interval.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from securemnist.comparison.change import Bound, BoundKey
from securemnist.results.findings import Requirement, Verdict

_ROUNDING = 1e-9  # 0.93 - 0.92 is a little more than 0.01


@dataclass(frozen=True, kw_only=True)
class Drop:
    """By how much a row got worse, with its interval; `exact` where the complete set was measured."""

    value: float
    low: float
    high: float
    exact: bool
    old: float
    newly_broken: int | None
    doubt: str = ""

    def judge(self, row: Requirement) -> tuple[Bound, ...]:
        """What becomes of each bound of the row."""
        made = []
        if row.max_drop is not None:
            made.append(self._hold("max_drop", row.max_drop, 1.0))
        if row.max_relative_drop is not None:
            made.append(self._hold("max_relative_drop", row.max_relative_drop, self._scale))
        if row.max_newly_broken is not None:
            made.append(self._count(row.max_newly_broken))
        return tuple(made)

    @property
    def _scale(self) -> float:
        """One over the old value; of a zero, every rise is endlessly much."""
        return 1 / abs(self.old) if self.old else math.inf

    def _hold(self, key: BoundKey, limit: float, scale: float) -> Bound:
        seen, low, high = (_times(n, scale) for n in (self.value, self.low, self.high))
        if self.exact:
            low = high = seen
        shown = seen if math.isfinite(seen) else None
        if low > limit + _ROUNDING:
            verdict, reason = Verdict.FAIL, "" if math.isfinite(seen) else "the old value is zero"
        elif high <= limit + _ROUNDING:
            verdict, reason = Verdict.PASS, ""
        else:
            verdict = Verdict.INCONCLUSIVE
            reason = f"the limit lies inside [{low:.4f}, {high:.4f}]; measure more digits"
        return self._doubted(
            Bound(key=key, limit=limit, seen=shown, verdict=verdict, reason=reason)
        )

    def _count(self, limit: int) -> Bound:
        key: BoundKey = "max_newly_broken"
        seen = self.newly_broken
        if seen is None:
            reason = "this measure records no digits; bound it by max_drop"
            verdict = Verdict.INCONCLUSIVE
            return Bound(key=key, limit=limit, seen=None, verdict=verdict, reason=reason)
        verdict = Verdict.FAIL if seen > limit else Verdict.PASS
        return self._doubted(Bound(key=key, limit=limit, seen=seen, verdict=verdict))

    def _doubted(self, bound: Bound) -> Bound:
        """A number in doubt decides nothing."""
        if not self.doubt:
            return bound
        return dataclasses.replace(bound, verdict=Verdict.INCONCLUSIVE, reason=self.doubt)


def _times(number: float, scale: float) -> float:
    return 0.0 if number == 0 else number * scale
