"""P values: equal to SciPy's where it has the test, exact where it has not, uniform without drift."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom, chisquare, ks_2samp

from securemnist.monitoring import comparisons


def test_distribution_is_the_test_of_scipy() -> None:
    """The p value of the two-sample test is SciPy's asymptotic one, with ties, too."""
    rng = np.random.default_rng(0)
    for shift, decimals in ((0.0, 8), (0.3, 8), (0.1, 1)):
        first = np.sort(rng.normal(size=900)).round(decimals).astype(np.float32)
        second = np.sort(rng.normal(shift, size=200)).round(decimals).astype(np.float32)
        expected = ks_2samp(first, second, method="asymp").pvalue
        assert comparisons.distribution(first, second) == pytest.approx(expected, rel=1e-9)


def test_tails_count_values_beyond_a_rank() -> None:
    """The p values of the tails are the beta-binomial ones of the counts beyond the ranks."""
    known = np.arange(1_000, dtype=np.float32)
    window = np.sort(np.r_[np.full(7, -1.0), np.full(3, 2_000.0), np.full(90, 500.0)])
    low, high = comparisons.tails(known, window.astype(np.float32), 0.01)
    assert low == pytest.approx(betabinom.sf(6, 100, 10, 991))
    assert high == pytest.approx(betabinom.sf(2, 100, 10, 991))


def test_tail_of_a_whole_window_is_far_below_rounding() -> None:
    """A window that lies beyond the reference has a p value that no rounding hides."""
    known = np.arange(5_000, dtype=np.float32)
    low, high = comparisons.tails(known, np.full(500, 1e4, np.float32), 0.01)
    assert high < 1e-200
    assert low == pytest.approx(1)


def test_equal_values_are_no_tail() -> None:
    """Values that all are equal, as those of a saturated statistic, lie beyond no rank."""
    same = np.zeros(500, np.float32)
    assert comparisons.tails(same, same[:100], 0.01) == pytest.approx((1, 1))
    assert comparisons.distribution(same, same[:100]) == pytest.approx(1)


def test_classes_pool_rare_ones() -> None:
    """Rare classes are pooled; equal shares have a large p value, other shares a small one."""
    known = np.array([400, 300, 5, 3, 2, 290])
    assert comparisons.classes(known, np.array([40, 30, 1, 0, 0, 29])) > 0.5
    assert comparisons.classes(known, np.array([10, 30, 1, 0, 0, 59])) < 1e-6
    assert comparisons.classes(np.array([100, 0]), np.array([1, 0])) == 1.0
    plain = chisquare([40, 60], [50, 50]).pvalue
    large = comparisons.classes(np.array([10**7, 10**7]), np.array([40, 60]))
    assert large == pytest.approx(plain, rel=1e-3)


def test_p_values_without_drift_are_valid() -> None:
    """Without drift a test is below 1 % in at most 1 % of the windows, up to chance."""
    rng = np.random.default_rng(0)
    below = np.zeros(4)
    for _ in range(200):
        known, window = (np.sort(rng.normal(size=n)).astype(np.float32) for n in (500, 100))
        counts = (np.bincount(rng.integers(0, 10, n), minlength=10) for n in (500, 200))
        values = [
            comparisons.distribution(known, window),
            *comparisons.tails(known, window, 0.02),
            comparisons.classes(*counts),
        ]
        below += np.array(values) < 0.01
    # A binomial of 200 with 1 % is above 8 with a probability of 0.02 %.
    assert (below <= 8).all(), below
