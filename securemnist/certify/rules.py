"""Rule: what one step of a network does to boxes, and how linear bounds are pulled back through it.

`enclose` bounds the exact step, `rounding` how far the deployed float32 network may be off it.
`pull` turns weights of the outputs into weights of the inputs and a constant, such that
sum(weights * output) >= sum(pulled * input) + constant everywhere in the box (Zhang et al. 2018,
CROWN, arXiv 1811.00866).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch

from securemnist.certify.boxes import Box, rounding

Shape = tuple[int, ...]
Map = Callable[[torch.Tensor], torch.Tensor]
# From weights of the outputs and the shape of the inputs to weights of the inputs.
Back = Callable[[torch.Tensor, torch.Size], torch.Tensor]
# Weights of each input (None where nothing depends on it any more) and a constant (n,).
Pulled = tuple[Sequence[torch.Tensor | None], torch.Tensor]


def pulled_back(linear: Map) -> Back:
    """The transposed of a linear map, by automatic differentiation."""

    def back(weights: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        with torch.enable_grad():
            x = torch.zeros(shape, dtype=weights.dtype, device=weights.device, requires_grad=True)
            (pulled,) = torch.autograd.grad(linear(x), x, weights)
        return pulled

    return back


class Rule(ABC):
    """Base of all rules. Tensors are float64, (n, ...); a rule never mixes digits."""

    # Whether pulling loses nothing, so that even interval bounds begin behind it.
    exact = False
    # Whether the output may lie in the memory of the input.
    shares = False

    @abstractmethod
    def enclose(self, *boxes: Box) -> Box:
        """The box of the outputs, in exact arithmetic."""

    def rounding(self, *boxes: Box) -> torch.Tensor | None:
        """The largest rounding error of the deployed step; None for a step that rounds nothing."""
        return None

    @abstractmethod
    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        """Weights of the inputs and a constant, from weights of the outputs."""


@final
@dataclass(frozen=True)
class Affine(Rule):
    """Wx + shift: `linear` is W, `absolute` is |W|, `transposed` takes weights back through W.

    `terms` products are summed into one output (None: no more than a digit has numbers); `size` is the
    sum of the absolute values of the numbers that make up `shift`.
    """

    linear: Map
    absolute: Map
    transposed: Back
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
    """The same numbers in another shape (or the same): flatten, view, dropout in eval mode."""

    shape: Shape
    shares: bool = True
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        return Box(*(bound.reshape(len(bound), *self.shape) for bound in (box.lower, box.upper)))

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        pulled = weights.reshape(len(weights), *inputs[0].lower.shape[1:])
        return [pulled], weights.new_zeros(len(weights))


@final
@dataclass(frozen=True)
class Picked(Rule):
    """Some of the input's numbers, or all, some of them several times, and zeros: `pick` says where.

    It is turned, cut, repeated or framed, digit by digit.
    """

    pick: Map
    exact = True
    shares = True

    def enclose(self, *boxes: Box) -> Box:
        return Box(self.pick(boxes[0].lower), self.pick(boxes[0].upper))

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        shape = torch.Size([len(weights), *inputs[0].lower.shape[1:]])
        return [pulled_back(self.pick)(weights, shape)], weights.new_zeros(len(weights))


@final
@dataclass(frozen=True)
class Normalised(Rule):
    """Log-softmax: every logit less one number that all of a digit share, so that margins stay.

    Its box is that of the logits; so it may stand last only, where margins are all that is asked. With
    `exponential` it is softmax, whose bounds are those of the logarithms: what is rounded is a few units
    in the last place of a probability, far less than what is taken off here.
    """

    exponential: bool = False
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        return boxes[0]

    def rounding(self, *boxes: Box) -> torch.Tensor:
        largest = boxes[0].size.amax(1, keepdim=True).expand_as(boxes[0].size)
        # The largest logit and the logarithm of at most ten are taken off, each sum rounded.
        return rounding(16, 2 * largest + 4)

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        return [weights], weights.new_zeros(len(weights))


@final
@dataclass(frozen=True)
class Sum(Rule):
    """One layer's activations plus (or, `sign` -1, minus) another's."""

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
    """The largest of a window. `indices` names the place of each window's maximum in its plane.

    Below, a maximum is at least the input whose lower bound is largest; above, its own upper bound.
    """

    pool: Map
    indices: Map

    def enclose(self, *boxes: Box) -> Box:
        return Box(self.pool(boxes[0].lower), self.pool(boxes[0].upper))

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        lower = inputs[0].lower
        places = self.indices(lower).flatten(2)
        positive, negative = weights.clamp_min(0), weights.clamp_max(0)
        pulled = weights.new_zeros(len(weights), lower.shape[1], lower[0, 0].numel())
        pulled.scatter_add_(2, places, positive.flatten(2))
        return [pulled.view(len(weights), *lower.shape[1:])], out.least(negative)


@final
@dataclass(frozen=True)
class Joined(Rule):
    """Activations of several steps one behind the other, along dimension `dim` (of which 0 is digits)."""

    dim: int
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        lowers, uppers = ([b.lower for b in boxes], [b.upper for b in boxes])
        return Box(torch.cat(lowers, self.dim), torch.cat(uppers, self.dim))

    def pull(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Pulled:
        lengths = [box.lower.shape[self.dim] for box in inputs]
        return weights.split(lengths, self.dim), weights.new_zeros(len(weights))
