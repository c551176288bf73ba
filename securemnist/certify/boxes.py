"""Box: lower and upper bounds of a layer's activations, in float64; and the rounding of float32."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from securemnist.types import Images

# Half a unit in the last place of float32; a hundredth more pays for the rounding of float64 here.
_UNIT = 1.01 * 2.0**-24
# What underflow can lose in one sum, whether or not a processor flushes denormals.
UNDERFLOW = 1e-30
# The numbers that float32 holds with all their digits, beside 0.
SMALLEST, GREATEST = 2.0**-126, torch.finfo(torch.float32).max
# Beyond this float32 may overflow, and nothing is claimed.
LARGEST = 1e30


@dataclass(frozen=True)
class Box:
    """`lower` <= activation <= `upper`, float64 (n, ...)."""

    lower: torch.Tensor
    upper: torch.Tensor

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

    def widened(self, by: torch.Tensor) -> Box:
        """The box with `by` more on both sides."""
        return Box(self.lower - by, self.upper + by)

    def __getitem__(self, places: torch.Tensor | slice) -> Box:
        return Box(self.lower[places], self.upper[places])

    def least(self, weights: torch.Tensor) -> torch.Tensor:
        """The least value (n,) of sum(weights * activation) over the box.

        One side has weight 0 where the other counts; where a bound is infinite the product is NaN, which
        certifies nothing.
        """
        positive, negative = weights.clamp_min(0), weights.clamp_max(0)
        exact = (positive * self.lower + negative * self.upper).flatten(1).sum(1)
        return exact - 1e-12 * (weights.abs() * self.size).flatten(1).sum(1)


def around(x: Images, eps: float) -> Box:
    """The L-infinity ball of radius `eps` around digits, cut to [0, 1]; float64."""
    centre = x.double()
    return Box((centre - eps).clamp(0, 1), (centre + eps).clamp(0, 1))


def rounding(terms: int, sizes: torch.Tensor) -> torch.Tensor:
    """How far a float32 sum of `terms` products may be off, whose absolute values sum up to `sizes`.

    It holds for any order of summation, with or without fused multiplication (Higham 2002, Accuracy
    and Stability of Numerical Algorithms, section 3.1).
    """
    share = terms * _UNIT / (1 - terms * _UNIT)
    return torch.where(sizes < LARGEST, share * sizes + UNDERFLOW, torch.inf)


def holds(values: torch.Tensor) -> bool:
    """Whether float32 holds all of these numbers, with all their digits."""
    size = values.abs()
    return bool(((size == 0) | (size >= SMALLEST) & (size <= GREATEST)).all())
