"""Interval bounds of activations in float64, and bounds of float32 rounding errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch

from securemnist.types import Images

# Half a unit in the last place of float32, plus one percent for float64 rounding in this package.
_UNIT = 1.01 * 2.0**-24
# Bound of the underflow error of one sum, with and without flushing of denormals.
UNDERFLOW = 1e-30
# Smallest and largest positive numbers that float32 represents at full precision.
SMALLEST, GREATEST = 2.0**-126, torch.finfo(torch.float32).max
# Above this float32 may overflow, and bounds become infinite.
LARGEST = 1e30


@dataclass(frozen=True)
class Box:
    """`lower` <= activation <= `upper`, float64 (n, ...)."""

    lower: torch.Tensor
    upper: torch.Tensor

    # Whether each value takes its whole range, whatever the others are.
    independent: ClassVar[bool] = True

    @property
    def centre(self) -> torch.Tensor:
        return (self.lower + self.upper) / 2

    @property
    def radius(self) -> torch.Tensor:
        return (self.upper - self.lower) / 2

    @property
    def size(self) -> torch.Tensor:
        """The largest absolute value in the box."""
        return torch.maximum(self.lower.abs(), self.upper.abs())

    def map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> Box:
        """A function of both bounds: the box of a non-decreasing function."""
        return Box(function(self.lower), function(self.upper))

    def widened(self, by: torch.Tensor) -> Box:
        """The box extended by `by` on both sides."""
        return Box(self.lower - by, self.upper + by)

    def within(self, other: Box) -> Box:
        """The intersection of two boxes that hold the same activation; a NaN bound is not kept."""
        return Box(torch.fmax(self.lower, other.lower), torch.fmin(self.upper, other.upper))

    def __getitem__(self, samples: torch.Tensor | slice) -> Box:
        return Box(self.lower[samples], self.upper[samples])

    def to(self, dtype: torch.dtype) -> Box:
        """Both bounds in another precision; float32 is for searches, not for certificates."""
        return Box(self.lower.to(dtype), self.upper.to(dtype))

    def minimum(self, weights: torch.Tensor) -> torch.Tensor:
        """The minimum (n,) of sum(weights * activation) over the box.

        Where a bound is infinite, 0 * infinity gives NaN, which certifies nothing.
        """
        positive, negative = weights.clamp_min(0), weights.clamp_max(0)
        exact = sums(positive * self.lower + negative * self.upper)
        return exact - 1e-12 * sums(weights.abs() * self.size)

    def minimum_of_columns(self, weights: torch.Tensor) -> torch.Tensor:
        """The same minimum (d,) over the box of one sample, for columns of weights (values, d).

        Without its rounding error: for searches, not for certificates.
        """
        lower, upper = self._ends
        return (lower.T @ weights.clamp_min(0) + upper.T @ weights.clamp_max(0))[0]

    def minimisers(self, weights: torch.Tensor) -> torch.Tensor:
        """The points (values, d) of the box at which columns of weights (values, d) have their minima."""
        lower, upper = self._ends
        return torch.lerp(upper, lower, positive(weights))

    @cached_property
    def _ends(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The lower and upper bounds (values, n)."""
        return self.lower.flatten(1).T, self.upper.flatten(1).T


def positive(values: torch.Tensor) -> torch.Tensor:
    """1 where values are above 0, else 0: `lerp` with numbers is ten times as fast as `torch.where`."""
    return torch.gt(values, 0, out=torch.empty_like(values))


def sums(values: torch.Tensor) -> torch.Tensor:
    """The sum (n,) of each sample's values (n, ...); of one value a sample, (n,), the value itself."""
    return values.flatten(1).sum(1) if values.dim() > 1 else values


def ball(x: Images, eps: float) -> Box:
    """The L-infinity ball of radius `eps` around samples, clipped to [0, 1]; float64."""
    centre = x.double()
    return Box((centre - eps).clamp(0, 1), (centre + eps).clamp(0, 1))


def rounding(terms: int, sizes: torch.Tensor) -> torch.Tensor:
    """Bound of the error of a float32 sum of `terms` products; `sizes` is the sum of absolute values.

    Valid for any order of summation, with or without fused multiply-add (Higham 2002, Accuracy and
    Stability of Numerical Algorithms, section 3.1).
    """
    units = terms * _UNIT
    share = units / (1 - units) if units < 1 else math.inf  # of 16 million terms no digit is sure
    return torch.where(sizes < LARGEST, share * sizes + UNDERFLOW, torch.inf)


def representable(values: torch.Tensor) -> bool:
    """Whether float32 represents all values at full precision; true for zeros, false for NaN."""
    size = values.abs()
    return bool(((size == 0) | (size >= SMALLEST) & (size <= GREATEST)).all())
