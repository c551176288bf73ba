"""Comparisons of a window with the reference: p values under equal distributions.

The reference is finite, so every test is one of two samples. Ties make false alarms rarer only.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp
from scipy.stats import betabinom, chi2_contingency
from scipy.stats.distributions import kstwo

Values = npt.NDArray[np.float32]
Counts = npt.NDArray[np.int64]
_LEAST_EXPECTED = 10  # of a class in the window; rarer ones are counted together


def distribution(reference: Values, window: Values) -> float:
    """Two-sample Kolmogorov-Smirnov test; both sorted, (m,) and (n,). Asymptotic, as in SciPy."""
    both = np.concatenate([reference, window])
    first = np.searchsorted(reference, both, side="right") / len(reference)
    second = np.searchsorted(window, both, side="right") / len(window)
    harmonic = len(reference) * len(window) / (len(reference) + len(window))
    return float(kstwo.sf(np.abs(first - second).max(), round(harmonic)))


def tails(reference: Values, window: Values, share: float) -> tuple[float, float]:
    """Too many low values, and too many high ones; both sorted, (m,) and (n,).

    Counted are the values of a window beyond the k-th lowest or highest of the reference, where k is
    `share` of the reference. The count has a beta-binomial distribution for any distribution of the
    values, so the test is exact.
    """
    size, rank = len(reference), max(1, int(share * len(reference)))
    low = int(np.searchsorted(window, reference[rank - 1], side="left"))
    high = len(window) - int(np.searchsorted(window, reference[-rank], side="right"))
    return _beyond(low, len(window), rank, size), _beyond(high, len(window), rank, size)


def classes(reference: Counts, window: Counts) -> float:
    """Chi-square test that the predicted classes (K,) have equal shares; rare ones are pooled."""
    table = np.stack([reference, window])
    share = table.sum(0) * (window.sum() / table.sum())
    pooled, expected = [np.zeros(2)], 0.0
    for column, count in zip(table.T, share, strict=True):
        if expected >= _LEAST_EXPECTED:
            pooled.append(np.zeros(2))
            expected = 0.0
        pooled[-1] = pooled[-1] + column
        expected += count
    if expected < _LEAST_EXPECTED and len(pooled) > 1:
        rest = pooled.pop()
        pooled[-1] = pooled[-1] + rest
    if len(pooled) == 1:
        return 1.0
    return float(chi2_contingency(np.stack(pooled, 1), correction=False).pvalue)


@lru_cache(maxsize=4096)
def _beyond(count: int, window: int, rank: int, size: int) -> float:
    """The probability of at least `count` values beyond the reference's value of this rank."""
    more = np.arange(count, window + 1)
    # The sum of small terms: 1 minus a sum near 1 would end at 1e-12.
    logs = betabinom.logpmf(more, window, rank, size - rank + 1)
    return float(min(1.0, np.exp(logsumexp(logs))))
