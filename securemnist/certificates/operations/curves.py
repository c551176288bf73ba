"""Bounds of curved functions of one activation: one interval, and two parallel lines.

They are non-decreasing, or decreasing up to one minimum and increasing after it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch

from securemnist.certificates.operations.intervals import LARGEST, UNDERFLOW, Box
from securemnist.certificates.operations.lines import Lines
from securemnist.certificates.operations.rules import Backward, Map, Rule

# Bound of the float32 error of a curved function, relative to its input and output: 16 units.
CURVE = 2.0**-20
# Bound of the float64 error of a function less a line, relative to both.
_FLOAT64 = 2.0**-40
_NARROW = 1e-6


@final
@dataclass(frozen=True)
class Curve(Rule):
    """A function that decreases up to `minimum`, if at all, and increases after it.

    The rounding error of the deployed function is at most `error` + `share` * |input|, plus `of_output` *
    |output|. `lines` finds linear bounds; None for a function that has interval bounds alone.
    """

    function: Map
    error: float = CURVE
    share: float = CURVE
    of_output: float = 0.0
    minimum: float = -math.inf
    lines: Lines | None = None
    mixes = False

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        ends = box.map(self.function)
        # Within the box the point nearest to the minimum has the smallest value.
        nearest = torch.full_like(box.lower, self.minimum).clamp(box.lower, box.upper)
        return Box(self.function(nearest), torch.maximum(ends.lower, ends.upper))

    def rounding(self, *boxes: Box) -> torch.Tensor:
        error = self.error + self.share * boxes[0].size
        if not self.of_output:
            return error
        size = self.enclose(*boxes).size
        return error + torch.where(size < LARGEST, self.of_output * size + UNDERFLOW, torch.inf)

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        """Two lines with the slope of the chord; the interval where they are not closer."""
        if self.lines is None:
            return super().backward(weights, inputs, out)
        slope, rest = self.parallels(inputs[0], out)
        return [weights * slope.to(weights.dtype)], rest.minimum(weights)

    def parallels(self, box: Box, out: Box) -> tuple[torch.Tensor, Box]:
        """Slopes, and bounds of the function less slope * x; slope 0 without linear bounds."""
        if self.lines is None:
            return torch.zeros_like(box.lower), out
        change, width = self.function(box.upper) - self.function(box.lower), box.upper - box.lower
        # Any slope is sound. That of a very narrow box would be inexact.
        slope = change / width.clamp_min(_NARROW)
        rest = self.lines.rest(self.function, slope, box)
        # `error` also holds small jumps of the function, as of softplus.
        rest = rest.widened(self.error + _FLOAT64 * (out.size + slope.abs() * box.size))
        return closer(slope, rest, out)


def closer(slope: torch.Tensor, rest: Box, out: Box) -> tuple[torch.Tensor, Box]:
    """Slopes and what they leave; where the interval `out` is not wider, slope 0 and that interval."""
    linear = rest.upper - rest.lower < out.upper - out.lower
    lower, upper = (
        torch.where(linear, of_line, of_interval)
        for of_line, of_interval in ((rest.lower, out.lower), (rest.upper, out.upper))
    )
    return torch.where(linear, slope, 0.0), Box(lower, upper)
