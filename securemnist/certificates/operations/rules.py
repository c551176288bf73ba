"""Rules: interval bounds of one operation, and backward propagation of linear bounds through it.

`enclose` bounds the exact operation, `rounding` the rounding error of the float32 operation.
`backward` maps weights w of the outputs to weights v of the inputs and a constant c. Everywhere in the
box, sum(w * output) >= sum(v * input) + c (Zhang et al. 2018, CROWN, arXiv 1811.00866).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch

from securemnist.certificates.operations.intervals import Box, rounding, sums

# The shape of one sample's activations, without the batch dimension.
Shape = tuple[int, ...]
Map = Callable[[torch.Tensor], torch.Tensor]
# From weights of the outputs and the shape of the inputs to weights of the inputs.
Transposed = Callable[[torch.Tensor, torch.Size], torch.Tensor]
# Weights of each input (None where the bound does not depend on it) and a constant (n,).
Backward = tuple[Sequence[torch.Tensor | None], torch.Tensor]


def transposed(linear: Map) -> Transposed:
    """The transpose of a linear map, by automatic differentiation."""

    def apply(weights: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        with torch.enable_grad():
            x = torch.zeros(shape, dtype=weights.dtype, device=weights.device, requires_grad=True)
            # A bound that is optimised needs the gradient of this product.
            optimised = weights.requires_grad
            (product,) = torch.autograd.grad(linear(x), x, weights, create_graph=optimised)
        return product

    return apply


def summed(weights: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Weights (n, ...) of activations of this shape that were broadcast: those of each value together."""
    return weights.sum_to_size(len(weights), *shape[1:])


class Rule(ABC):
    """Base of all rules. Tensors are float64 (n, ...); a rule never mixes samples of a batch."""

    # Whether `backward` is an equality; interval bounds start before the last such operations.
    exact = False
    # Whether an output is a sum of several inputs; interval bounds of two such operations are loose.
    mixes = True

    @property
    def inner(self) -> int:
        """The number of values that a bound needs for each output."""
        return 1

    @abstractmethod
    def enclose(self, *boxes: Box) -> Box:
        """Interval bounds of the outputs, in exact arithmetic."""

    def rounding(self, *boxes: Box) -> torch.Tensor | None:
        """Bound of the float32 operation's rounding error; None for an operation without rounding."""
        return None

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        """Weights of the inputs and a constant, from weights of the outputs.

        Without a linear bound the constant is the minimum over the interval bounds of the outputs.
        """
        return [None], out.minimum(weights)


@final
@dataclass(frozen=True)
class Affine(Rule):
    """Wx + shift: `linear` is W, `absolute` is |W|, `transposed` multiplies by W's transpose.

    Each output is a sum of `terms` products (None: at most a sample's number of inputs). `size` is
    the sum of the absolute values of the terms of `shift`.
    """

    linear: Map
    absolute: Map
    transposed: Transposed
    shift: torch.Tensor
    size: torch.Tensor
    terms: int | None
    mixes: bool = True
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        centre, radius = self.linear(box.centre) + self.shift, self.absolute(box.radius)
        return Box(centre - radius, centre + radius)

    def rounding(self, *boxes: Box) -> torch.Tensor:
        terms = self.terms or boxes[0].lower[0].numel() + 4
        return rounding(terms, self.absolute(boxes[0].size) + self.size)

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        shape = torch.Size([len(weights), *inputs[0].lower.shape[1:]])
        constant = sums(weights * self.shift.to(weights.dtype))
        return [self.transposed(weights, shape)], constant


@final
@dataclass(frozen=True)
class Rearrange(Rule):
    """A selection of inputs and zeros, with repetitions: view, permute, slice, expand, pad."""

    select: Map
    exact = True
    mixes = False

    def enclose(self, *boxes: Box) -> Box:
        return boxes[0].map(self.select)

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        shape = torch.Size([len(weights), *inputs[0].lower.shape[1:]])
        return [transposed(self.select)(weights, shape)], weights.new_zeros(len(weights))


@final
@dataclass(frozen=True)
class LogSoftmax(Rule):
    """Log-softmax. It subtracts the same number from each logit, so margins are unchanged.

    Its bounds are those of the logits, so it must be the last operation. With `exponential` it is
    softmax, and the bounds are those of the logarithms: a probability is rounded by a few units in
    its last place, far less than `rounding`.
    """

    exponential: bool = False
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        return boxes[0]

    def rounding(self, *boxes: Box) -> torch.Tensor:
        size = boxes[0].size
        # It subtracts the largest logit and the logarithm of a sum of K terms of at most 1. The error
        # of that logarithm is the same for all classes; only its size, below log K + 1, matters.
        subtracted = size.amax(1, keepdim=True).expand_as(size)
        return rounding(16, 2 * subtracted + math.log(size.shape[1]) + 1)

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        return [weights], weights.new_zeros(len(weights))


@final
@dataclass(frozen=True)
class Sum(Rule):
    """The sum of two activations, each with its sign, 1 or -1; one of them may be broadcast."""

    signs: tuple[int, int] = (1, 1)
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        one, other = (
            box if sign > 0 else Box(-box.upper, -box.lower)
            for box, sign in zip(boxes, self.signs, strict=True)
        )
        return Box(one.lower + other.lower, one.upper + other.upper)

    def rounding(self, *boxes: Box) -> torch.Tensor:
        return rounding(2, boxes[0].size + boxes[1].size)

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        parts = [
            summed(sign * weights, box.lower.shape)
            for sign, box in zip(self.signs, inputs, strict=True)
        ]
        return parts, weights.new_zeros(len(weights))


@final
@dataclass(frozen=True)
class Product(Rule):
    """The product of two activations; one of them may be broadcast.

    Its linear bounds are those of McCormick 1976. With l the lower bound of a, it is (a - l) * b + l * b.
    As a - l is not negative, a bound of b bounds the first part.
    """

    def enclose(self, *boxes: Box) -> Box:
        one, other = boxes
        corners = [a * b for a in (one.lower, one.upper) for b in (other.lower, other.upper)]
        ends = torch.stack(corners)
        return Box(ends.amin(0), ends.amax(0))

    def rounding(self, *boxes: Box) -> torch.Tensor:
        return rounding(2, boxes[0].size * boxes[1].size)

    def backward(
        self, weights: torch.Tensor, inputs: Sequence[Box], out: Box
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        one, other = inputs
        slope = weights.clamp_min(0) * other.lower + weights.clamp_max(0) * other.upper
        parts = [
            summed(slope, one.lower.shape),
            summed(weights * one.lower, other.lower.shape),
        ]
        return parts, -sums(slope * one.lower)


@final
@dataclass(frozen=True)
class MaxPool(Rule):
    """The maximum of each window. `pool` gives the maxima and their flat indices in each plane.

    Lower bound: the input with the largest lower bound. Upper bound: that of the output.
    """

    pool: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

    def enclose(self, *boxes: Box) -> Box:
        return boxes[0].map(lambda x: self.pool(x)[0])

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        lower = inputs[0].lower
        # Bounds of one sample may serve many weights.
        indices = self.pool(lower)[1].flatten(2).expand(len(weights), -1, -1)
        positive, negative = weights.clamp_min(0), weights.clamp_max(0)
        scattered = weights.new_zeros(len(weights), lower.shape[1], lower[0, 0].numel())
        scattered.scatter_add_(2, indices, positive.flatten(2))
        return [scattered.view(len(weights), *lower.shape[1:])], out.minimum(negative)
