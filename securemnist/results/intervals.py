"""Intervals for shares and medians, from the distributions of scipy.special.

scipy.stats has them ready made, and takes two seconds of every start to import.
"""

from __future__ import annotations

from collections.abc import Sequence


def share_interval(hits: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The exact two-sided interval of hits / n (Clopper & Pearson 1934); (0, 1) where n is 0."""
    from scipy.special import betaincinv

    tail, misses = (1 - confidence) / 2, n - hits
    low = betaincinv(hits, misses + 1, tail) if hits else 0.0
    high = betaincinv(hits + 1, misses, 1 - tail) if misses else 1.0
    return float(low), float(high)


def median_interval(ordered: Sequence[float], *, confidence: float = 0.95) -> tuple[float, float]:
    """The distribution-free interval of a median, from sorted values, by order statistics.

    With too few values for the confidence (fewer than six at 95 %) it spans all of them.
    """
    from scipy.special import bdtr

    n = len(ordered)
    below = bdtr(range(n), n, 0.5)  # P(at most k values lie below the median)
    rank = max(0, int((below < (1 - confidence) / 2).sum()) - 1)
    return ordered[rank], ordered[n - 1 - rank]
