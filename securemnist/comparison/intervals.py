"""Intervals for a difference between two versions, new minus old, from scipy and numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
DRAWS = 20_000
NOTHING_KNOWN = 0.5  # Jeffreys' prior for the four cells of a table


@dataclass(frozen=True)
class Paired:
    """The same n images under both versions: where only one of them saw the event, and where both.

    The event is what the value counts: an image classified correctly, or as the target of a trigger.
    """

    n: int
    gained: int
    lost: int
    both: int

    @property
    def old(self) -> float:
        """The old share on these images."""
        return (self.both + self.lost) / self.n

    @property
    def new(self) -> float:
        """The new share on these images."""
        return (self.both + self.gained) / self.n

    @property
    def difference(self) -> float:
        """New minus old."""
        return (self.gained - self.lost) / self.n

    @property
    def p_value(self) -> float:
        """McNemar's test in its exact, binomial form, two-sided: both versions are alike."""
        from scipy.special import bdtr

        fewer, differing = min(self.gained, self.lost), self.gained + self.lost
        return min(1.0, 2 * float(bdtr(fewer, differing, 0.5)))

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Tango's score interval (Statistics in Medicine 17, 1998), but for what it says of zero.

        It reaches to zero wherever the exact test does not exclude that: no version is called worse by a
        bound that is only approximate.
        """
        from scipy.special import ndtri

        z = float(ndtri(0.5 + confidence / 2))
        low = _root(lambda d: self._score(d) - z, -1.0, self.difference)
        high = _root(lambda d: self._score(d) + z, self.difference, 1.0)
        if self.p_value > 1 - confidence:
            return min(low, 0.0), max(high, 0.0)
        return low, high

    def _score(self, difference: float) -> float:
        """The score statistic against a true difference; it falls as that grows."""
        gained, lost, n = self.gained, self.lost, self.n
        distance = gained - lost - n * difference
        b = -gained - lost + (2 * n - gained + lost) * difference
        c = -lost * difference * (1 - difference)
        q = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
        variance = n * (2 * q + difference * (1 - difference))
        if variance <= 0:
            return 0.0 if distance == 0 else math.copysign(math.inf, distance)
        return distance / math.sqrt(variance)


def extreme_interval(
    tables: Sequence[Paired], extreme: Callable[..., np.ndarray]
) -> tuple[float, float]:
    """For the difference of two minima (or maxima) over groups, each with its own table.

    Equal-tailed over draws from the tables' Dirichlet posteriors; the seed is fixed, so that equal
    tables give an equal interval. The prior draws shares away from 0 and 1: the interval is extended to
    the observed difference.
    """
    rng = np.random.default_rng(0)
    old: np.ndarray | None = None
    new: np.ndarray | None = None
    for table in tables:  # one at a time: a thousand classes do not fit into memory
        cells = (table.both, table.gained, table.lost)
        rest = table.n - sum(cells)
        draws = rng.dirichlet([count + NOTHING_KNOWN for count in (*cells, rest)], DRAWS)
        shares = draws[:, 0] + draws[:, 2], draws[:, 0] + draws[:, 1]
        old = shares[0] if old is None else extreme([old, shares[0]], axis=0)
        new = shares[1] if new is None else extreme([new, shares[1]], axis=0)
    if old is None or new is None:
        raise ValueError("expected at least one table")
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(new - old, [tail, 1 - tail])
    observed = extreme([t.new for t in tables]) - extreme([t.old for t in tables])
    return float(min(low, observed)), float(max(high, observed))


def unpaired_interval(
    old: tuple[float, float, float], new: tuple[float, float, float]
) -> tuple[float, float]:
    """From two measurements (value, low, high) that share no images, by recovering their variances.

    Zou and Donner (Statistics in Medicine 27, 2008). Where the two are positively related it is
    wider than need be, never narrower.
    """
    difference = new[0] - old[0]
    below = math.hypot(new[0] - new[1], old[2] - old[0])
    above = math.hypot(new[2] - new[0], old[0] - old[1])
    return difference - below, difference + above


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a falling function crosses zero inside [low, high]; an end where it does not."""
    from scipy.optimize import brentq

    if function(low) <= 0:
        return low
    if function(high) >= 0:
        return high
    return float(brentq(function, low, high, xtol=1e-10))
