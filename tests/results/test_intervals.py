"""Intervals are those of scipy.stats, which is too slow to import at every start."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from securemnist.results.intervals import median_interval, share_interval


@given(st.integers(1, 10_000), st.data(), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_the_interval_of_a_share(n: int, data: st.DataObject, confidence: float) -> None:
    """For every count, none and all among them, it is the exact interval of the binomial test."""
    hits = data.draw(st.integers(0, n))
    expected = binomtest(hits, n).proportion_ci(confidence, method="exact")
    found = share_interval(hits, n, confidence=confidence)
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_nothing_seen_says_nothing() -> None:
    """Of no images every share is possible."""
    assert share_interval(0, 0) == (0, 1)


@given(st.integers(1, 2_000), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_the_interval_of_a_median(n: int, confidence: float) -> None:
    """Its ends are the order statistics that the binomial distribution names."""
    rank = max(0, int(binom.ppf((1 - confidence) / 2, n, 0.5)) - 1)
    found = median_interval(list(range(n)), confidence=confidence)
    assert found == (rank, n - 1 - rank)
