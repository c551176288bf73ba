"""Intervals of a difference: what they cover, and how often they cry wolf."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from benchmarks.verdicts import rate
from securemnist.comparison.intervals import Paired, extreme_interval, unpaired_interval

CELLS = st.tuples(*[st.integers(0, 400)] * 4).filter(lambda cells: sum(cells) > 0)


def paired(cells: tuple[int, int, int, int]) -> Paired:
    """A table of (gained, lost, both, neither)."""
    return Paired(sum(cells), *cells[:3])


@given(CELLS)
def test_an_interval_holds_its_difference(cells: tuple[int, int, int, int]) -> None:
    """It lies in [-1, 1], holds what was seen, and turns around when the versions are swapped."""
    table = paired(cells)
    low, high = table.interval()
    assert -1 <= low <= table.difference <= high <= 1
    swapped = paired((cells[1], cells[0], *cells[2:])).interval()
    assert swapped == pytest.approx((-high, -low), abs=1e-8)


@given(CELLS)
def test_the_exact_test_has_the_last_word(cells: tuple[int, int, int, int]) -> None:
    """Zero is outside of the interval only where the exact binomial test refuses it, too."""
    table = paired(cells)
    differing = table.gained + table.lost
    p = float(binomtest(table.gained, differing).pvalue) if differing else 1.0
    assert table.p_value == pytest.approx(p, rel=1e-9)
    low, high = table.interval()
    assert low <= 0 <= high or p <= 0.05


def test_a_published_interval() -> None:
    """Tango's example: 44 pairs, one that differs, -0.118 to 0.060."""
    assert Paired(44, 0, 1, 43).interval() == pytest.approx((-0.118, 0.060), abs=1e-3)


def test_the_interval_covers() -> None:
    """Over 1,500 samples of 500 images the true difference is inside about 95 times in a hundred."""
    cells = [0.02, 0.05, 0.85, 0.08]
    rng = np.random.default_rng(3)
    inside = 0
    for one in rng.multinomial(500, cells, size=1_500):
        low, high = paired(tuple(map(int, one))).interval()
        inside += low <= -0.03 <= high
    assert 0.935 <= inside / 1_500 <= 0.975


def test_a_drop_is_called_worse_and_chance_is_not() -> None:
    """A true drop of a point on 10,000 images is called worse in 95 %, no change in at most 2.5 %."""
    assert rate(0.01, 0.04, times=400) >= 0.95
    assert rate(0.0, 0.04, times=400) <= 0.025


def test_the_worst_of_ten() -> None:
    """A class that loses shows in the difference of minima; ten alike classes are no change."""
    alike = [Paired(1_000, 5, 5, 960)] * 9
    low, high = extreme_interval([*alike, Paired(1_000, 2, 60, 900)], np.min)
    assert high < 0
    low, high = extreme_interval([*alike, Paired(1_000, 5, 5, 960)], np.min)
    assert low < 0 < high
    assert extreme_interval(alike, np.min) == extreme_interval(alike, np.min)


@pytest.mark.parametrize(("n", "lost"), [(55, 55), (20, 20), (20, 2)])
def test_the_interval_of_the_worst_class_holds_its_difference(n: int, lost: int) -> None:
    """A class that falls from all images to none differs by -1, and the interval reaches that far."""
    tables = [*[Paired(n, 0, 0, n)] * 9, Paired(n, 0, lost, n - lost)]
    swapped = [*[Paired(n, 0, 0, n)] * 9, Paired(n, lost, 0, n - lost)]
    low, high = extreme_interval(tables, np.min)
    assert -1 <= low <= -lost / n <= high
    low, high = extreme_interval(swapped, np.min)
    assert low <= lost / n <= high <= 1


def test_the_worst_of_ten_rarely_cries_wolf() -> None:
    """Of 50 pairs of versions without a difference at most a few are called different."""
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(50):
        cells = rng.multinomial(1_000, [0.01, 0.01, 0.96, 0.02], size=10)
        low, high = extreme_interval([paired(tuple(map(int, c))) for c in cells], np.min)
        wrong += not low <= 0 <= high
    assert wrong <= 6


def test_unpaired_measurements() -> None:
    """Two intervals far apart differ, two that overlap do not; the difference is inside."""
    low, high = unpaired_interval((1.0, 0.9, 1.1), (2.0, 1.9, 2.1))
    assert 0.8 < low < 1.0 < high < 1.2
    low, high = unpaired_interval((1.0, 0.9, 1.1), (1.05, 0.95, 1.15))
    assert low < 0 < high
