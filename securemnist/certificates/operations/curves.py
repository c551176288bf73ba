"""Bounds of curved activation functions: one interval, and two parallel lines where they are smooth.

They are non-decreasing, or decreasing up to one minimum and increasing after it. The lines have the slope
of the chord. Their distance is found on a grid, with the error of linear interpolation beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import final

import torch
import torch.nn.functional as F

from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.operations.rules import Backward, Map, Rule
from securemnist.errors import NoCertificate

# Bound of the float32 error of a curved function, relative to its input and output: 16 units.
_CURVE = 2.0**-20
# Boxes that are narrower, or farther from zero, have interval bounds: there float64 is not exact enough.
_NARROW, _FAR = 1e-6, 1e3
_STEPS = 16


@final
@dataclass(frozen=True)
class Curve(Rule):
    """A function that decreases up to `minimum`, if at all, and increases after it.

    The deployed function's rounding error is at most `error` + `share` * |input|. `curvature` bounds the
    change of the derivative by a unit of the input; infinite for a function with kinks or jumps.
    """

    function: Map
    error: float = _CURVE
    share: float = _CURVE
    minimum: float = -math.inf
    curvature: float = math.inf
    mixes = False

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        ends = box.map(self.function)
        # Within the box the point nearest to the minimum has the smallest value.
        nearest = torch.full_like(box.lower, self.minimum).clamp(box.lower, box.upper)
        return Box(self.function(nearest), torch.maximum(ends.lower, ends.upper))

    def rounding(self, *boxes: Box) -> torch.Tensor:
        return self.error + self.share * boxes[0].size

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        """Two lines with the slope of the chord; the interval where the function has kinks."""
        (box,) = inputs
        if math.isinf(self.curvature):
            return super().backward(weights, inputs, out)
        slope, rest = self._lines(box)
        linear = box.upper - box.lower >= _NARROW
        linear &= torch.maximum(box.upper, -box.lower) <= _FAR
        lower, upper = (
            torch.where(linear, of_line, of_interval)
            for of_line, of_interval in ((rest.lower, out.lower), (rest.upper, out.upper))
        )
        slope = torch.where(linear, slope, 0.0).to(weights.dtype)
        return [weights * slope], Box(lower, upper).minimum(weights)

    def _lines(self, box: Box) -> tuple[torch.Tensor, Box]:
        """The slope of the chord, and bounds of the function less a line of this slope.

        Between two neighbours of a grid, the difference is at most curvature * step**2 / 8 from the line
        through its values there. `error` exceeds the error of float64 and small jumps, as of softplus.
        """
        width = box.upper - box.lower
        slope = (self.function(box.upper) - self.function(box.lower)) / width.clamp_min(_NARROW)
        least, most = torch.full_like(width, math.inf), torch.full_like(width, -math.inf)
        for part in range(_STEPS + 1):
            point = box.lower + width * (part / _STEPS)
            rest = self.function(point) - slope * point
            least, most = torch.minimum(least, rest), torch.maximum(most, rest)
        between = self.curvature * (width / _STEPS) ** 2 / 8 + self.error
        return slope, Box(least - between, most + between)


SIGMOID = Curve(torch.sigmoid, share=0, curvature=0.0963)
TANH = Curve(torch.tanh, share=0, curvature=0.7699)
# clamp(x + 3, 0, 6) / 6; Howard et al. 2019, arXiv 1905.02244.
HARDSIGMOID = Curve(F.hardsigmoid, share=0)
LOG_SIGMOID = Curve(F.logsigmoid, curvature=0.2501)
# Their values are exact integers.
ROUND, FLOOR, CEIL, SIGN = (
    Curve(function, 0, 0) for function in (torch.round, torch.floor, torch.ceil, torch.sign)
)
ABSOLUTE = Curve(torch.abs, minimum=0)
# x * sigmoid(x), also called swish.
SILU = Curve(F.silu, minimum=-1.2784645428, curvature=0.5001)
# x * tanh(softplus(x)); Misra 2019, arXiv 1908.08681.
MISH = Curve(F.mish, minimum=-1.1924312145, curvature=0.6443)
# x * clamp(x + 3, 0, 6) / 6; Howard et al. 2019, arXiv 1905.02244.
HARDSWISH = Curve(F.hardswish, minimum=-1.5)


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
    error, share = _CURVE * max(1.0, alpha * scale), _CURVE * max(1.0, scale)
    smooth = math.isclose(alpha * input_scale, 1)  # the derivatives on both sides of zero are equal
    curvature = 1.0001 * scale * input_scale if smooth else math.inf
    return Curve(function, error, share, curvature=curvature)


def softplus(beta: float = 1.0, threshold: float = 20.0) -> Rule:
    """log(1 + exp(beta * x)) / beta, and x where beta * x is above the threshold."""
    # Above 88 exp overflows in float32.
    if not (0.01 <= beta <= 100 and 20 <= threshold <= 80):
        raise NoCertificate(
            "expected a softplus with beta from 0.01 to 100 and a threshold from 20 to 80, got "
            f"{beta} and {threshold}"
        )
    error = _CURVE * (1 + 1 / beta)
    return Curve(lambda x: F.softplus(x, beta, threshold), error, curvature=0.2501 * beta)


def gelu(approximate: str = "none") -> Curve:
    """X * Phi(x), Phi the normal distribution; Hendrycks & Gimpel 2016, arXiv 1606.08415."""
    minimum = {"none": -0.7517915247, "tanh": -0.7524614221}[approximate]
    return Curve(lambda x: F.gelu(x, approximate=approximate), minimum=minimum, curvature=0.798)
