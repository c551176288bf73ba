"""Intervals for shares, from scipy; nothing here is worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence


def share_interval(hits: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The exact (Clopper-Pearson) two-sided interval of hits / n; (0, 1) where n is 0."""
    from scipy.stats import binomtest  # scipy.stats takes a second to import

    if n == 0:
        return 0.0, 1.0
    interval = binomtest(hits, n).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)


def median_interval(ordered: Sequence[float], *, confidence: float = 0.95) -> tuple[float, float]:
    """The distribution-free interval of a median, from sorted values, by order statistics.

    With too few values for the confidence (fewer than six at 95 %) it spans all of them.
    """
    from scipy.stats import binom

    n = len(ordered)
    rank = max(0, int(binom.ppf((1 - confidence) / 2, n, 0.5)) - 1)
    return ordered[rank], ordered[n - 1 - rank]
