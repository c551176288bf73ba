"""Scales beside a row: they show no number that the measure cannot have."""

from __future__ import annotations

import pytest

from securemnist.view.interval_bar import IntervalBar, of_difference, of_measurement
from tests.report.judged import measured, row


def ends(bar: IntervalBar | None) -> tuple[float, float]:
    """The numbers at both ends of a scale."""
    assert bar is not None
    return float(bar.first), float(bar.last)


@pytest.mark.parametrize(
    ("value", "low", "high"), [(-0.97, -1.0, -0.9), (0.97, 0.9, 1.0), (-0.01, -0.99, 0.99)]
)
def test_differences_of_shares_end_at_one(value: float, low: float, high: float) -> None:
    """Two shares differ by 1 at most, so the scale of their difference ends there."""
    first, last = ends(of_difference(value, low, high, 0.01, "share"))
    assert -1 <= first < min(low, 0) + 0.01
    assert max(high, 0) - 0.01 < last <= 1


def test_differences_of_ratios_go_further() -> None:
    """A latency may be three times as long as before."""
    bar = of_difference(3.0, 2.9, 3.1, 0.1, "ratio")
    assert ends(bar)[1] > 3.1
    assert 0 < bar.mark < bar.low < bar.value < bar.high < 100


def test_equal_versions_have_a_readable_scale() -> None:
    """Without difference and margin the ends are hundredths, no powers of ten."""
    bar = of_difference(0.0, 0.0, 0.0, 0.0, "share")
    assert (bar.first, bar.last, bar.mark) == ("-0.003", "+0.003", 50.0)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_shares_end_at_zero_and_one(value: float) -> None:
    """No scale of a share begins below 0 or ends above 1."""
    found = of_measurement(row("CLEAN-01", "clean_accuracy", at_least=0.5), measured(value))
    first, last = ends(found)
    assert 0 <= first < last <= 1
