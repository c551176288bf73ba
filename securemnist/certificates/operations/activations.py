"""Bounds of ReLU, leaky ReLU and comparisons.

ReLU and leaky ReLU have linear bounds (Zhang et al. 2018, CROWN, arXiv 1811.00866). A comparison is 0 on
one side of its threshold and 1 on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch

from securemnist.certificates.operations.intervals import UNDERFLOW, Box, rounding, sums
from securemnist.certificates.operations.rules import Backward, Rule
from securemnist.errors import NoCertificate


@final
@dataclass(frozen=True)
class Lines:
    """Linear bounds (n, ...) of a leaky ReLU: above `chord` * x + `intercept`, below a line through 0.

    Where it does not `crosses` zero, both are `linear` * x.
    """

    crosses: torch.Tensor
    linear: torch.Tensor
    chord: torch.Tensor
    intercept: torch.Tensor


@final
@dataclass(frozen=True)
class LeakyReLU(Rule):
    """max(x, slope * x), 0 <= slope <= 1: one slope or one per channel. With slope 0 it is ReLU."""

    slope: torch.Tensor
    mixes = False

    def enclose(self, *boxes: Box) -> Box:
        return boxes[0].map(self._at)

    def rounding(self, *boxes: Box) -> torch.Tensor | None:
        return rounding(2, boxes[0].size) if bool(self.slope.any()) else None

    def _at(self, x: torch.Tensor) -> torch.Tensor:
        return torch.maximum(x, self.slope * x)

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        # Below: the line through zero, of slope 1 or `slope`, that leaves the smaller area.
        steep = inputs[0].upper > -inputs[0].lower
        below = torch.where(steep, 1.0, self.slope.to(weights.dtype))
        return self.relaxed(weights, self.lines(inputs[0]), below)

    def lines(self, box: Box) -> Lines:
        """The linear bounds in a box (n, ...), but for the slopes of the lower ones."""
        lower, upper, slope = box.lower, box.upper, self.slope.to(box.lower.dtype)
        at_lower, at_upper = (torch.maximum(x, slope * x) for x in (lower, upper))
        # Above: the chord from (lower, f(lower)) to (upper, f(upper)).
        chord = (at_upper - at_lower) / (upper - lower).clamp_min(1e-300)
        crosses = (lower < 0) & (upper > 0)
        linear = torch.where(lower >= 0, 1.0, slope)
        intercept = torch.where(crosses, at_lower - chord * lower, 0.0)
        return Lines(crosses, linear, torch.where(crosses, chord, linear), intercept)

    def relaxed(self, weights: torch.Tensor, lines: Lines, below: torch.Tensor) -> Backward:
        """`backward` with lines of slopes `below` (n, ...) through zero as lower bounds.

        Any slope from `slope` to 1 is sound (arXiv 2011.13824); others are clipped.
        """
        below = torch.maximum(below, self.slope.to(below.dtype)).clamp_max(1.0)
        below = torch.where(lines.crosses, below, lines.linear)
        positive, negative = weights.clamp_min(0), weights.clamp_max(0)
        constant = sums(negative * lines.intercept)
        return [positive * below + negative * lines.chord], constant


@final
@dataclass(frozen=True)
class Comparison(Rule):
    """1 where an activation is above (`compare` torch.gt, torch.ge) or below a threshold, else 0.

    The bounds hold whether or not the kernel rounds the threshold to float32.
    """

    compare: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    threshold: torch.Tensor
    mixes = False

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        rounding_error = 2.0**-23 * self.threshold.abs() + UNDERFLOW
        ends = [
            self.compare(box.lower, self.threshold + rounding_error),
            self.compare(box.upper, self.threshold - rounding_error),
        ]
        if self.compare in (torch.lt, torch.le):
            ends.reverse()
        # Comparing NaN gives False; a NaN bound has to stay NaN.
        invalid = torch.where(box.lower <= box.upper, 0.0, torch.nan)
        return Box(*(end.double() + invalid for end in ends))


def leaky_relu(slope: float | torch.Tensor = 0.01) -> Rule:
    """ReLU or leaky ReLU with slopes in [0, 1]; a tensor of slopes broadcasts over the samples."""
    slopes = torch.as_tensor(slope).detach().double()
    if not bool(((slopes >= 0) & (slopes <= 1)).all()):
        raise NoCertificate(f"expected a leaky ReLU with slopes from 0 to 1, got {slope}")
    return LeakyReLU(slopes)


def threshold(limit: float, value: float) -> Rule:
    """X above the limit, and the value elsewhere: ReLU where both are 0."""
    if (limit, value) != (0, 0):
        raise NoCertificate(f"expected a threshold of 0 and a value of 0, got {limit} and {value}")
    return leaky_relu(0.0)
