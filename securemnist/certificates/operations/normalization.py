"""Rules of group, layer and instance norm, whose mean and variance are those of the image itself.

An output is gain * d / sqrt(variance + eps) + shift. Here d is a value less the mean of its group, and
the variance is the mean of d * d (Ba et al. 2016, arXiv 1607.06450; Wu & He 2018, arXiv 1803.08494).
d is linear in the inputs. The factor 1 / sqrt(variance + eps) has bounds in a box, so that it times a
weighted sum of a group's d has linear bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch

from securemnist.certificates.operations import affine
from securemnist.certificates.operations.arithmetic import Activations
from securemnist.certificates.operations.intervals import Box, rounding, sums
from securemnist.certificates.operations.rules import Backward, Rule, Shape

# Float64 rounding error of a mean or a standard deviation, as a share of the largest value.
_FLOAT64 = 1e-12
_UNDERFLOW = 2.0**-120
_LEAST = 1e-30  # a divisor that is not 0


@final
@dataclass(frozen=True)
class Normalization(Rule):
    """Values less their group's mean, by its standard deviation, times `gain` plus `shift`.

    Consecutive values of a sample are a group, each of the `groups` equally large. `gain` and `shift`
    are float64 and broadcast over the samples.
    """

    groups: int
    gain: torch.Tensor
    shift: torch.Tensor
    eps: float

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        d, variance = self.parts(box)
        smallest, largest = self._factor(variance.upper), self._factor(variance.lower)
        # No value is farther from the mean than the root of m - 1 standard deviations.
        most = math.sqrt(d.lower.shape[2] - 1)
        lower = torch.minimum(d.lower * smallest, d.lower * largest).clamp_min(-most)
        upper = torch.maximum(d.upper * smallest, d.upper * largest).clamp_max(most)
        ends = [self.gain * end.view_as(box.lower) + self.shift for end in (lower, upper)]
        return Box(torch.minimum(*ends), torch.maximum(*ends))

    def rounding(self, *boxes: Box) -> torch.Tensor:
        """A kernel may subtract the square of the mean from the mean of the squares.

        Then the errors of the sums, which are shares of that mean, are those of the variance (Chan et al.
        1983, Algorithms for Computing the Sample Variance).
        """
        size, (d, variance) = self._grouped(boxes[0].size), self.parts(boxes[0])
        mean, terms = size.mean(2, keepdim=True), 4 * (size.shape[2] + 8)
        of_mean = rounding(terms, mean)
        of_variance = rounding(terms, size.square().mean(2, keepdim=True))
        least = (variance.lower - of_variance).clamp_min(0)
        largest = self._factor(least)
        of_factor = largest - self._factor(least + of_variance)
        error = d.size * of_factor + of_mean * largest
        error = torch.where(of_variance.isfinite(), error, torch.inf)
        of_d, products, values = (
            part.view_as(boxes[0].lower) for part in (error, (size + mean) * largest, size + mean)
        )
        gain = self.gain.abs()
        # The factor times the gain may be too small for float32.
        underflow = _UNDERFLOW * (values + gain)
        return gain * of_d + rounding(16, gain * products + self.shift.abs()) + underflow

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        """The weighted sum of a group's d is linear, and their common factor is above 0."""
        (box,) = inputs
        scaled = self._grouped(weights * self.gain.to(weights.dtype))
        centred = scaled - scaled.mean(2, keepdim=True)  # d is already less the mean
        lowest, highest = self._range(centred, box)
        _, variance = self.parts(box)
        smallest, largest = self._factor(variance.upper), self._factor(variance.lower)
        # Below, the sum times the factor is concave: its chord, from where it has its sign, is a bound.
        at_lowest = torch.where(lowest < 0, largest, smallest) * lowest
        at_highest = torch.where(highest < 0, largest, smallest) * highest
        chord = (at_highest - at_lowest) / (highest - lowest).clamp_min(_LEAST)
        slope = torch.where(highest <= 0, largest, torch.where(lowest >= 0, smallest, chord))
        crosses = (lowest < 0) & (highest > 0)
        constant = sums(torch.where(crosses, at_lowest - slope * lowest, 0.0))
        shift = sums(weights * self.shift.to(weights.dtype))
        return [(slope * centred).view(len(weights), *box.lower.shape[1:])], constant + shift

    def parts(self, box: Box) -> tuple[Box, Box]:
        """Bounds of d (n, groups, m) and of the variances (n, groups, 1)."""
        centre, radius = self._grouped(box.centre), self._grouped(box.radius)
        m = centre.shape[2]
        slack = _FLOAT64 * self._grouped(box.size).amax(2, keepdim=True)
        middle = centre - centre.mean(2, keepdim=True)
        reach = radius * (1 - 2 / m) + radius.mean(2, keepdim=True)
        d = Box(middle - reach - slack, middle + reach + slack)
        # The standard deviation is a norm: convex, and changed by at most the norm of the change.
        deviation = middle.square().mean(2, keepdim=True).sqrt()
        growth = radius.square().mean(2, keepdim=True).sqrt() + slack
        fall = (middle.abs() * radius).mean(2, keepdim=True) / deviation.clamp_min(_LEAST) + slack
        squares = torch.maximum(d.lower.clamp_min(0), -d.upper.clamp_max(0)).square()
        lower = torch.maximum(
            (deviation - fall).clamp_min(0).square(), squares.mean(2, keepdim=True)
        )
        upper = torch.minimum((deviation + growth).square(), d.size.square().mean(2, keepdim=True))
        return d, Box(lower * (1 - _FLOAT64), upper * (1 + _FLOAT64))

    def _range(self, weights: torch.Tensor, box: Box) -> tuple[torch.Tensor, torch.Tensor]:
        """Bounds (n, groups, 1) of the sums of weights (n, groups, m) times the values of a box."""
        centre, radius, size = (
            self._grouped(values) for values in (box.centre, box.radius, box.size)
        )
        middle = (weights * centre).sum(2, keepdim=True)
        slack = _FLOAT64 * (weights.abs() * size).sum(2, keepdim=True)
        reach = (weights.abs() * radius).sum(2, keepdim=True) + slack
        return middle - reach, middle + reach

    def _grouped(self, values: torch.Tensor) -> torch.Tensor:
        """Values (n, ...) as (n, groups, values of a group)."""
        return values.reshape(len(values), self.groups, -1)

    def _factor(self, variance: torch.Tensor) -> torch.Tensor:
        return (variance + self.eps).rsqrt()


def group_norm(_shape: Shape, x: Activations, *arguments: Any) -> Rule:
    """`arguments`: weight, bias, sizes of batch, channels and plane, the number of groups, eps."""
    weight, bias, _, _, _, groups, eps = arguments
    return _of_channels(x.shape, groups, weight, bias, eps)


def layer_norm(_shape: Shape, x: Activations, *arguments: Any) -> Rule:
    """`arguments`: the last sides of the shape, which are normalized together, weight, bias, eps."""
    sides, weight, bias, eps = arguments
    groups = math.prod(x.shape) // math.prod(sides)
    return Normalization(groups, _double(weight, 1.0), _double(bias, 0.0), eps)


def instance_norm(_shape: Shape, x: Activations, *arguments: Any) -> Rule:
    """`arguments`: those of aten.instance_norm; the image's own statistics, or the running ones."""
    weight, bias, mean, var, of_image, momentum, eps, _ = arguments
    if of_image:
        return _of_channels(x.shape, x.shape[0], weight, bias, eps)
    return affine.batch_norm(x.shape, weight, bias, mean, var, momentum, eps)


def _of_channels(
    shape: Shape, groups: int, weight: torch.Tensor | None, bias: torch.Tensor | None, eps: float
) -> Rule:
    """The rule of groups of channels (C, ...), with a gain and a shift for each channel."""
    gain, shift = (affine.channels(_double(*each), shape) for each in ((weight, 1.0), (bias, 0.0)))
    return Normalization(groups, gain, shift, eps)


def _double(values: torch.Tensor | None, default: float) -> torch.Tensor:
    found = torch.tensor(default) if values is None else values.detach()
    return found.double()
