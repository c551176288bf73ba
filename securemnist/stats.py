"""Intervals for shares, from scipy; nothing here is worked out by hand."""

from __future__ import annotations


def share_interval(hits: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The exact (Clopper-Pearson) two-sided interval of hits / n; (0, 1) where n is 0."""
    from scipy.stats import binomtest  # scipy.stats takes a second to import

    if n == 0:
        return 0.0, 1.0
    interval = binomtest(hits, n).proportion_ci(confidence, method="exact")
    return float(interval.low), float(interval.high)
