"""Scores of two versions on the same images: several answers to each, right or wrong.

Answers to one image are not independent. So images are drawn, each with all its answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from securemnist.comparison.intervals import CONFIDENCE, DRAWS, NOTHING_KNOWN

_MOST_UNITS = 2_000  # drawn units: beyond that many images, groups of neighbours
_PART = 1_000  # draws that are held at once
_MOST_FLIPS = 100_000  # differing answers up to which the exact distribution is computed
_ROUNDING = 1e-9
# Images of whose kind none may have been seen, a column each: right in the old version, in the new one.
_UNSEEN = np.array([[1, 0, 1, 0], [1, 1, 0, 0]])


@dataclass(frozen=True, eq=False)
class PairedScores:
    """Right answers to the same n images under both versions, integers (k, n) from 0 to `most`.

    The k rows are kinds of corruption. A row's share is the mean of its scores over `most`.
    """

    old: np.ndarray
    new: np.ndarray
    most: int

    @property
    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        """The old and the new share of each row, float64 (k,)."""
        return self.old.mean(1) / self.most, self.new.mean(1) / self.most

    @property
    def p_value(self) -> float:
        """The exact two-sided test of Fisher and Pitman over images: both versions are alike.

        Then each image's difference, over all rows, has either sign with equal chances. Of one answer to
        each image it is McNemar's test. Above 100,000 differing answers its normal limit is taken.
        """
        differences = (self.new.astype(np.int64) - self.old).sum(0)
        total, sizes = abs(int(differences.sum())), np.abs(differences)
        reach = int(sizes.sum())
        if reach > _MOST_FLIPS:
            return math.erfc(total / math.sqrt(2 * float(np.square(sizes).sum())))
        # The characteristic function of the sum of random signs, and from it the sum's distribution.
        angles = 2 * math.pi * np.arange(2 * reach + 1) / (2 * reach + 1)
        waves = np.ones(2 * reach + 1)
        for size, count in zip(*np.unique(sizes[sizes > 0], return_counts=True), strict=True):
            waves *= np.cos(size * angles) ** count
        chances = np.fft.ifft(waves).real[: reach + 1]  # of 0 to `reach`; negative sums as often
        tail = float(chances[total:].sum())
        return min(1.0, max(0.0, 2 * tail if total else 1.0))

    def interval(self, extreme: Callable[..., Any]) -> tuple[float, float]:
        """The 95 % interval of the difference of the mean, the minimum or the like of the rows' shares.

        Equal-tailed over draws, and extended to the observed difference. That of means reaches to zero
        wherever the exact test does not exclude that.
        """
        old, new = self._draws
        observed = float(extreme(self.shares[1]) - extreme(self.shares[0]))
        drawn = extreme(new, axis=1) - extreme(old, axis=1)
        tail = (1 - CONFIDENCE) / 2
        low, high = (float(end) for end in np.quantile(drawn, [tail, 1 - tail]))
        low, high = min(low, observed), max(high, observed)
        if extreme is np.mean and self.p_value > 1 - CONFIDENCE:
            return min(low, 0.0), max(high, 0.0)
        return low, high

    def intervals(self, confidence: float = CONFIDENCE) -> list[tuple[float, float]]:
        """The interval of the difference of each row alone, (k,), from the same draws."""
        old, new = self._draws
        tail, observed = (1 - confidence) / 2, self.shares[1] - self.shares[0]
        low, high = np.quantile(new - old, [tail, 1 - tail], axis=0)
        ends = np.minimum(low, observed), np.maximum(high, observed)
        return [(float(a), float(b)) for a, b in zip(*ends, strict=True)]

    @cached_property
    def _draws(self) -> tuple[np.ndarray, np.ndarray]:
        """Old and new shares of each row, float64 (draws, k), under random weights of the images.

        A Bayesian bootstrap (Rubin 1981) with four further images of half an image's weight, for what
        was not seen. For one answer to each image that is the posterior of `extreme_interval`.
        """
        k, n = self.old.shape
        units = min(n, _MOST_UNITS)
        starts = np.arange(units) * n // units
        sides = self.old, self.new
        sums = [np.add.reduceat(side, starts, axis=1, dtype=np.float64) for side in sides]
        sizes = np.diff([*starts, n])[None]
        seen = np.concatenate([*(total / self.most for total in sums), sizes]).T
        unseen = np.concatenate([np.repeat(_UNSEEN, k, axis=0), np.ones((1, 4))]).T
        rng = np.random.default_rng(0)  # fixed: equal answers give an equal interval
        parts = []
        for _ in range(DRAWS // _PART):
            weighed = rng.standard_exponential((_PART, units)) @ seen
            weighed += rng.standard_gamma(NOTHING_KNOWN, (_PART, len(unseen))) @ unseen
            parts.append(weighed[:, :-1] / weighed[:, -1:])
        drawn = np.concatenate(parts)
        return drawn[:, :k], drawn[:, k:]
