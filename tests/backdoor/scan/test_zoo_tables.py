"""Tables of the zoo: intervals of an AUROC, and limits without one kind of backdoor."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.zoo.left_out import hits, strictest
from benchmarks.zoo.measure import auroc_interval
from securemnist.backdoor.scan.statistics import Statistic


def scan(*pairs: tuple[float, float]) -> list[Statistic]:
    """A scan with statistics of these probabilities and ratios."""
    return [Statistic("mask", 0, ratio, probability, 0.5) for probability, ratio in pairs]


def test_interval_of_an_auroc_has_its_width() -> None:
    """The AUROC of two normal groups that lie one deviation apart is .76; 50 of each give +-.09."""
    rng = np.random.default_rng(3)
    auroc, low, high = auroc_interval(rng.normal(0, 1, 50), rng.normal(1, 1, 50))
    assert low < 0.76 < high
    assert low < auroc < high
    assert 0.13 < high - low < 0.25


@pytest.mark.parametrize(("backdoored", "expected"), [(0.1, 1.0), (0.9, 0.0), (0.5, 0.5)])
def test_auroc_counts_less_probable_networks(backdoored: float, expected: float) -> None:
    """Backdoored networks that are all less probable give 1, equal ones a half."""
    values = np.full(4, backdoored), np.full(3, 0.5)
    assert auroc_interval(*values) == (expected, expected, expected)


def test_limits_are_the_strictest_without_false_alarm() -> None:
    """Limits are the smallest that find the backdoors, and a clean scan bounds them."""
    backdoored = [scan((2e-7, 0.22)), scan((2e-4, 0.41), (0.5, 0.3))]
    limits = strictest(backdoored, [scan((0.5, 0.2), (2e-3, 0.9))])
    assert limits == pytest.approx((10**-3.5, 0.45))
    assert hits(limits, backdoored) == 2
    # A clean network as improbable and as small as the second one: this one is given up.
    assert strictest(backdoored, [scan((2e-4, 0.41))]) == pytest.approx((10**-6.5, 0.25))
