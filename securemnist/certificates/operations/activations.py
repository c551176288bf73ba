"""Bounds of elementwise activation functions.

ReLU and leaky ReLU have linear bounds (Zhang et al. 2018, CROWN, arXiv 1811.00866). Other functions
have interval bounds: they are non-decreasing, or decreasing up to one minimum and increasing after it.
A comparison is 0 on one side of its threshold and 1 on the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
import torch.nn.functional as F

from securemnist.certificates.operations.intervals import UNDERFLOW, Box, rounding, sums
from securemnist.certificates.operations.rules import Backward, Map, Rule
from securemnist.errors import NoCertificate

# Bound of the float32 error of a curved function, relative to its input and output: 16 units.
_CURVE = 2.0**-20


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
class Curve(Rule):
    """A function that decreases up to `minimum`, if at all, and increases after it.

    The deployed function's rounding error is at most `error` + `share` * |input|.
    """

    function: Map
    error: float = _CURVE
    share: float = _CURVE
    minimum: float = -math.inf
    mixes = False

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        ends = box.map(self.function)
        # Within the box the point nearest to the minimum has the smallest value.
        nearest = torch.full_like(box.lower, self.minimum).clamp(box.lower, box.upper)
        return Box(self.function(nearest), torch.maximum(ends.lower, ends.upper))

    def rounding(self, *boxes: Box) -> torch.Tensor:
        return self.error + self.share * boxes[0].size


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


SIGMOID = Curve(torch.sigmoid, share=0)
TANH = Curve(torch.tanh, share=0)
# clamp(x + 3, 0, 6) / 6; Howard et al. 2019, arXiv 1905.02244.
HARDSIGMOID = Curve(F.hardsigmoid, share=0)
LOG_SIGMOID = Curve(F.logsigmoid)
# Their values are exact integers.
ROUND, FLOOR, CEIL, SIGN = (
    Curve(function, 0, 0) for function in (torch.round, torch.floor, torch.ceil, torch.sign)
)
ABSOLUTE = Curve(torch.abs, minimum=0)
# x * sigmoid(x), also called swish.
SILU = Curve(F.silu, minimum=-1.2784645428)
# x * tanh(softplus(x)); Misra 2019, arXiv 1908.08681.
MISH = Curve(F.mish, minimum=-1.1924312145)
# x * clamp(x + 3, 0, 6) / 6; Howard et al. 2019, arXiv 1905.02244.
HARDSWISH = Curve(F.hardswish, minimum=-1.5)


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


def elu(alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Rule:
    """Scale * x above zero, scale * alpha * (exp(input_scale * x) - 1) below.

    ELU (Clevert et al. 2015, arXiv 1511.07289), CELU (Barron 2017, arXiv 1704.07483) and SELU
    (Klambauer et al. 2017, arXiv 1706.02515).
    """
    if not (0 <= alpha * scale <= 100 and 0 <= scale <= 100 and 0.01 <= input_scale <= 100):
        raise NoCertificate(
            "expected an ELU with alpha and a scale from 0 to 100, and an input scale from 0.01 to 100, "
            f"got alpha {alpha} and scales {scale} and {input_scale}"
        )
    # A relative error of a few units in exp(z) z, which is at most 1 for z below 0.
    function = partial(torch.ops.aten.elu, alpha=alpha, scale=scale, input_scale=input_scale)
    return Curve(function, _CURVE * max(1.0, alpha * scale), _CURVE * max(1.0, scale))


def softplus(beta: float = 1.0, threshold: float = 20.0) -> Rule:
    """log(1 + exp(beta * x)) / beta, and x where beta * x is above the threshold."""
    # Above 88 exp overflows in float32.
    if not (0.01 <= beta <= 100 and 20 <= threshold <= 80):
        raise NoCertificate(
            "expected a softplus with beta from 0.01 to 100 and a threshold from 20 to 80, got "
            f"{beta} and {threshold}"
        )
    return Curve(lambda x: F.softplus(x, beta, threshold), _CURVE * (1 + 1 / beta))


def gelu(approximate: str = "none") -> Curve:
    """X * Phi(x), Phi the normal distribution; Hendrycks & Gimpel 2016, arXiv 1606.08415."""
    minimum = {"none": -0.7517915247, "tanh": -0.7524614221}[approximate]
    return Curve(lambda x: F.gelu(x, approximate=approximate), minimum=minimum)
