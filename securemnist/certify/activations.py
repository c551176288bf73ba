"""Activations: functions of each number alone, with the rules that bound them.

ReLU and its leaky kin have linear bounds (Zhang et al. 2018, CROWN, arXiv 1811.00866). What is curved has
intervals: it either never falls, or falls to one lowest place and rises behind it. A step is
0 on one side and 1 on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F

from securemnist.certify.boxes import LARGEST, UNDERFLOW, Box, rounding
from securemnist.certify.rules import Map, Pulled, Rule
from securemnist.errors import NoCertificate

# The widest error of a deployed curve: some units in the last place of what goes in or comes out.
_CURVE = 2.0**-20


@final
@dataclass(frozen=True)
class Rectify(Rule):
    """ReLU, or with a `slope` over 0 (one, or one a channel) leaky ReLU: slope * x below zero."""

    slope: torch.Tensor

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        return Box(self._at(box.lower), self._at(box.upper))

    def rounding(self, *boxes: Box) -> torch.Tensor | None:
        return rounding(2, boxes[0].size) if bool(self.slope.any()) else None

    def _at(self, x: torch.Tensor) -> torch.Tensor:
        return torch.maximum(x, self.slope * x)

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        lower, upper = inputs[0].lower, inputs[0].upper
        # Above: the chord from (lower, f(lower)) to (upper, f(upper)). Below: whichever of the two
        # lines through zero cuts off the smaller triangle.
        chord = (self._at(upper) - self._at(lower)) / (upper - lower).clamp_min(1e-300)
        below = torch.where(upper > -lower, 1.0, self.slope)
        crosses = (lower < 0) & (upper > 0)
        settled = torch.where(lower >= 0, 1.0, self.slope)
        chord, below = (torch.where(crosses, line, settled) for line in (chord, below))
        intercept = torch.where(crosses, self._at(lower) - chord * lower, 0.0)
        positive, negative = weights.clamp_min(0), weights.clamp_max(0)
        constant = (negative * intercept).flatten(1).sum(1)
        return [positive * below + negative * chord], constant


@final
@dataclass(frozen=True)
class Monotone(Rule):
    """A function that never falls: clamp, sigmoid, tanh, ELU.

    `error`: the largest rounding error of the deployed function; `share`: what of the size of its input
    is added. Its linear bounds are constants.
    """

    function: Map
    error: float
    share: float = 0.0

    def enclose(self, *boxes: Box) -> Box:
        return Box(self.function(boxes[0].lower), self.function(boxes[0].upper))

    def rounding(self, *boxes: Box) -> torch.Tensor:
        return self.error + self.share * boxes[0].size

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        return [None], out.least(weights)


@final
@dataclass(frozen=True)
class Dipping(Rule):
    """A function that falls until `lowest` and rises behind it: GELU, SiLU, Mish, hard swish."""

    function: Map
    lowest: float

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        ends = self.function(box.lower), self.function(box.upper)
        # Within the box, the place that is nearest to the lowest one has the smallest value.
        nearest = torch.full_like(box.lower, self.lowest).clamp(box.lower, box.upper)
        return Box(self.function(nearest), torch.maximum(*ends))

    def rounding(self, *boxes: Box) -> torch.Tensor:
        return _CURVE * (1 + boxes[0].size)

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        return [None], out.least(weights)


@final
@dataclass(frozen=True)
class Step(Rule):
    """1 where an activation is above (`compare` torch.gt, torch.ge) or below a threshold, 0 elsewhere.

    Whether the threshold is rounded to float32 before, or not, is not asked: both are covered.
    """

    compare: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    threshold: torch.Tensor

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        slip = 2.0**-23 * self.threshold.abs() + UNDERFLOW
        ends = [
            self.compare(box.lower, self.threshold + slip),
            self.compare(box.upper, self.threshold - slip),
        ]
        if self.compare in (torch.lt, torch.le):
            ends.reverse()
        # A bound that was lost to NaN is below and above nothing: no comparison may make a number of it.
        lost = torch.where(box.lower <= box.upper, 0.0, torch.nan)
        return Box(*(end.double() + lost for end in ends))

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        return [None], out.least(weights)


def rectify(slope: float | torch.Tensor = 0.0) -> Rule:
    """ReLU, or leaky ReLU with a slope from 0 to 1; a tensor of slopes is broadcast over the digits."""
    slopes = torch.as_tensor(slope).detach().double()
    if not bool(((slopes >= 0) & (slopes <= 1)).all()):
        raise NoCertificate(f"expected a leaky ReLU with slopes from 0 to 1, got {slope}")
    return Rectify(slopes)


def clamp(low: float | None, high: float | None) -> Rule:
    """Cut at `low` and `high`, where they are given."""
    for bound in (low, high):
        if bound is not None and not isinstance(bound, int | float):
            raise NoCertificate(f"expected a clamp at numbers, got {type(bound).__name__}")
    if low is None and high is None:
        raise NoCertificate("expected a clamp with a limit, got none")
    largest = max(abs(bound) for bound in (low, high) if bound is not None)
    if not largest <= LARGEST:
        raise NoCertificate(f"expected a clamp at numbers up to {LARGEST:g}, got one at {largest}")
    # The limits as float32 has them, be they so small that they lose digits.
    return Monotone(lambda x: x.clamp(low, high), 2.0**-23 * largest + UNDERFLOW)


def sigmoid() -> Rule:
    """1 / (1 + exp(-x))."""
    return Monotone(torch.sigmoid, _CURVE)


def tanh() -> Rule:
    """The hyperbolic tangent."""
    return Monotone(torch.tanh, _CURVE)


def rising(function: Map) -> Rule:
    """A curve that never falls and nowhere is steeper than a line through its input: ELU, softplus."""
    return Monotone(function, _CURVE, _CURVE)


def elu(alpha: float = 1.0) -> Rule:
    """X above zero, alpha * (exp(x) - 1) below; Clevert et al. 2015, arXiv 1511.07289."""
    if not 0 <= alpha <= 1:
        raise NoCertificate(f"expected an ELU with alpha from 0 to 1, got {alpha}")
    return rising(lambda x: F.elu(x, alpha))


def selu() -> Rule:
    """An ELU whose slopes keep a layer's mean and variance; Klambauer et al. 2017, arXiv 1706.02515."""
    return rising(F.selu)


def softplus(beta: float = 1.0, threshold: float = 20.0) -> Rule:
    """log(1 + exp(beta * x)) / beta, and x where beta * x is above the threshold."""
    # Above 88 exp overflows in float32.
    if not (0.01 <= beta <= 100 and 20 <= threshold <= 80):
        raise NoCertificate(
            "expected a softplus with beta from 0.01 to 100 and a threshold from 20 to 80, got "
            f"{beta} and {threshold}"
        )
    return Monotone(lambda x: F.softplus(x, beta, threshold), _CURVE * (1 + 1 / beta), _CURVE)


def steps(function: Map) -> Rule:
    """A function that never falls, and gives whole numbers exactly: rounding, the sign."""
    return Monotone(function, 0.0)


def absolute() -> Dipping:
    """X without its sign."""
    return Dipping(torch.abs, 0.0)


def gelu(approximate: str = "none") -> Dipping:
    """X times the normal distribution's share below x; Hendrycks & Gimpel 2016, arXiv 1606.08415."""
    lowest = {"none": -0.7517915247, "tanh": -0.7524614221}[approximate]
    return Dipping(lambda x: F.gelu(x, approximate=approximate), lowest)


def silu() -> Dipping:
    """X times its sigmoid, also called swish."""
    return Dipping(F.silu, -1.2784645428)


def mish() -> Dipping:
    """X times tanh(softplus(x)); Misra 2019, arXiv 1908.08681."""
    return Dipping(F.mish, -1.1924312145)


def hardswish() -> Dipping:
    """X times clamp(x + 3, 0, 6) / 6; Howard et al. 2019, arXiv 1905.02244."""
    return Dipping(F.hardswish, -1.5)
