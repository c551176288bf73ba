"""Intervals for shares and medians, from the distributions of scipy.special.

scipy.stats has them ready made, and takes two seconds of every start to import.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence


def share_interval(hits: float, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The exact two-sided interval of hits / n (Clopper & Pearson 1934); (0, 1) where n is 0."""
    from scipy.special import betaincinv

    tail, misses = (1 - confidence) / 2, n - hits
    low = betaincinv(hits, misses + 1, tail) if hits else 0.0
    high = betaincinv(hits + 1, misses, 1 - tail) if misses else 1.0
    return float(low), float(high)


def settling_size(
    share: float, threshold: float, *, most: int, confidence: float = 0.95
) -> int | None:
    """The least number of samples whose interval at this share leaves the threshold outside.

    None where more than `most` would be needed.
    """

    def settled(n: int) -> bool:
        low, high = share_interval(share * n, n, confidence=confidence)
        return not low <= threshold <= high

    if not settled(most):
        return None
    return bisect.bisect_left(range(most), True, lo=1, key=settled)


def median_interval(ordered: Sequence[float], *, confidence: float = 0.95) -> tuple[float, float]:
    """The distribution-free interval of a median, from sorted values, by order statistics.

    With too few values for the confidence (fewer than six at 95 %) it spans all of them.
    """
    from scipy.special import bdtr

    n = len(ordered)
    below = bdtr(range(n), n, 0.5)  # P(at most k values lie below the median)
    rank = max(0, int((below < (1 - confidence) / 2).sum()) - 1)
    return ordered[rank], ordered[n - 1 - rank]


def area_interval(area: float, n: int, others: int) -> tuple[float, float]:
    """The 95 % interval of the area under a ROC curve of n and of `others` scores.

    Newcombe 2006, method 5, doi 10.1002/sim.2324. It has a width where the area is 0 or 1, too.
    """
    from scipy.optimize import brentq

    middle, z = (n + others) / 2, 1.959964

    def distance(true: float) -> float:
        spread = (middle - 1) * ((1 - true) / (2 - true) + true / (1 + true))
        variance = true * (1 - true) * (1 + spread) / (n * others)
        return float((area - true) ** 2 - z**2 * variance)

    tiny = 1e-9  # the variance is 0 at both ends, which are roots of their own
    low = brentq(distance, 0.0, min(area, 1 - tiny)) if area > tiny else 0.0
    high = brentq(distance, max(area, tiny), 1.0) if area < 1 - tiny else 1.0
    return float(low), float(high)
