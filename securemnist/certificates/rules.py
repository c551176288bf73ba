"""Rule: the bounds of one operation, and how linear bounds propagate backwards through it.

`enclose` bounds the exact operation, `rounding` the error of the deployed float32 one.
`pull` turns weights of the outputs into weights of the inputs and a constant, such that
sum(weights * output) >= sum(pulled * input) + constant everywhere in the box (Zhang et al. 2018,
CROWN, arXiv 1811.00866).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch

from securemnist.certificates.intervals import Box, rounding

# The shape of one sample's activations, without the batch dimension.
Shape = tuple[int, ...]
Map = Callable[[torch.Tensor], torch.Tensor]
# From weights of the outputs and the shape of the inputs to weights of the inputs.
Transposed = Callable[[torch.Tensor, torch.Size], torch.Tensor]
# Weights of each input (None where the bound does not depend on it) and a constant (n,).
Pulled = tuple[Sequence[torch.Tensor | None], torch.Tensor]


def transposed(linear: Map) -> Transposed:
    """The transpose of a linear map, by automatic differentiation."""

    def pull(weights: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        with torch.enable_grad():
            x = torch.zeros(shape, dtype=weights.dtype, device=weights.device, requires_grad=True)
            (pulled,) = torch.autograd.grad(linear(x), x, weights)
        return pulled

    return pull


class Rule(ABC):
    """Base of all rules. Tensors are float64 (n, ...); a rule never mixes samples of a batch."""

    # Whether `pull` is an equality, so that interval bounds start behind this operation.
    exact = False

    @abstractmethod
    def enclose(self, *boxes: Box) -> Box:
        """The box of the outputs, in exact arithmetic."""

    def rounding(self, *boxes: Box) -> torch.Tensor | None:
        """Bound of the deployed operation's rounding error; None for one that rounds nothing."""
        return None

    @abstractmethod
    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        """Weights of the inputs and a constant, from weights of the outputs."""


@final
@dataclass(frozen=True)
class Affine(Rule):
    """Wx + shift: `linear` is W, `absolute` is |W|, `transposed` multiplies by W's transpose.

    `terms` products are summed into one output (None: at most a sample's number of inputs). `size`
    is the sum of the absolute values of the numbers that make up `shift`.
    """

    linear: Map
    absolute: Map
    transposed: Transposed
    shift: torch.Tensor
    size: torch.Tensor
    terms: int | None
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        centre, radius = self.linear(box.centre) + self.shift, self.absolute(box.radius)
        return Box(centre - radius, centre + radius)

    def rounding(self, *boxes: Box) -> torch.Tensor:
        terms = self.terms or boxes[0].lower[0].numel() + 4
        return rounding(terms, self.absolute(boxes[0].size) + self.size)

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        shape = torch.Size([len(weights), *inputs[0].lower.shape[1:]])
        constant = (weights * self.shift).flatten(1).sum(1)
        return [self.transposed(weights, shape)], constant


@final
@dataclass(frozen=True)
class Reshape(Rule):
    """The same numbers in another shape: view, squeeze, unsqueeze."""

    shape: Shape
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        return Box(*(bound.reshape(len(bound), *self.shape) for bound in (box.lower, box.upper)))

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        pulled = weights.reshape(len(weights), *inputs[0].lower.shape[1:])
        return [pulled], weights.new_zeros(len(weights))


@final
@dataclass(frozen=True)
class Rearrange(Rule):
    """A selection of the input's numbers, with repetitions, and zeros: permute, slice, expand, pad."""

    select: Map
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        return Box(self.select(boxes[0].lower), self.select(boxes[0].upper))

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        shape = torch.Size([len(weights), *inputs[0].lower.shape[1:]])
        return [transposed(self.select)(weights, shape)], weights.new_zeros(len(weights))


@final
@dataclass(frozen=True)
class LogSoftmax(Rule):
    """Log-softmax: each logit minus one number common to all classes, so that margins stay.

    Its box is that of the logits; so it may only be the last operation. With `exponential` it is
    softmax, and the bounds are those of the logarithms: a probability's own rounding is a few units
    in its last place, far less than `rounding`.
    """

    exponential: bool = False
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        return boxes[0]

    def rounding(self, *boxes: Box) -> torch.Tensor:
        size = boxes[0].size
        # Subtracted are the largest logit and the logarithm of a sum of at most K terms up to 1.
        # The error of that logarithm is common to all classes; only its size matters, below log K + 1.
        subtracted = size.amax(1, keepdim=True).expand_as(size)
        return rounding(16, 2 * subtracted + math.log(size.shape[1]) + 1)

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        return [weights], weights.new_zeros(len(weights))


@final
@dataclass(frozen=True)
class Sum(Rule):
    """The sum of two activations, or with `sign` -1 their difference."""

    sign: int = 1
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        one, other = boxes
        if self.sign < 0:
            other = Box(-other.upper, -other.lower)
        return Box(one.lower + other.lower, one.upper + other.upper)

    def rounding(self, *boxes: Box) -> torch.Tensor:
        return rounding(2, boxes[0].size + boxes[1].size)

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        return [weights, self.sign * weights], weights.new_zeros(len(weights))


@final
@dataclass(frozen=True)
class MaxPool(Rule):
    """The maximum of each window. `indices` gives each maximum's flat index in its plane.

    Lower bound: the input whose lower bound is largest. Upper bound: the output's own.
    """

    pool: Map
    indices: Map

    def enclose(self, *boxes: Box) -> Box:
        return Box(self.pool(boxes[0].lower), self.pool(boxes[0].upper))

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        lower = inputs[0].lower
        indices = self.indices(lower).flatten(2)
        positive, negative = weights.clamp_min(0), weights.clamp_max(0)
        pulled = weights.new_zeros(len(weights), lower.shape[1], lower[0, 0].numel())
        pulled.scatter_add_(2, indices, positive.flatten(2))
        return [pulled.view(len(weights), *lower.shape[1:])], out.minimum(negative)


@final
@dataclass(frozen=True)
class Concatenate(Rule):
    """Activations concatenated along dimension `dim` (0 is the batch)."""

    dim: int
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        lowers, uppers = ([b.lower for b in boxes], [b.upper for b in boxes])
        return Box(torch.cat(lowers, self.dim), torch.cat(uppers, self.dim))

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        lengths = [box.lower.shape[self.dim] for box in inputs]
        return weights.split(lengths, self.dim), weights.new_zeros(len(weights))
