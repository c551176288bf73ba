"""The rule of torch.where: one of two values, by a comparison of activations with a constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch

from securemnist.certificates.operations.arithmetic import Activations, broadcast
from securemnist.certificates.operations.intervals import Box, rounding
from securemnist.certificates.operations.rules import Backward, Rule, Shape, summed
from securemnist.errors import NoCertificate

# The condition is 0 or 1, and its bounds differ from them by rounding alone.
_HALF = 0.5


@final
@dataclass(frozen=True)
class Choice(Rule):
    """`options[0]` where the first input is 1, `options[1]` where it is 0.

    An option is a constant (...), or None for the next of the inputs.
    """

    options: tuple[torch.Tensor | None, torch.Tensor | None]
    mixes = False

    def enclose(self, *boxes: Box) -> Box:
        chosen, *_ = boxes
        one, other = self._options(boxes)
        takes_one, takes_other = chosen.upper > _HALF, chosen.lower < _HALF
        least = torch.minimum(
            torch.where(takes_one, one.lower, torch.inf),
            torch.where(takes_other, other.lower, torch.inf),
        )
        most = torch.maximum(
            torch.where(takes_one, one.upper, -torch.inf),
            torch.where(takes_other, other.upper, -torch.inf),
        )
        invalid = 0 * (chosen.lower + chosen.upper)  # NaN stays NaN
        return Box(least + invalid, most + invalid)

    def rounding(self, *boxes: Box) -> torch.Tensor:
        """The error of the constants alone, which a kernel rounds to float32."""
        sizes = [option.abs() for option in self.options if option is not None]
        return rounding(1, sum(sizes, torch.zeros_like(boxes[0].lower)))

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        """The option where it is sure, and else the interval of both."""
        chosen, *boxes = inputs
        sure = (chosen.lower > _HALF, chosen.upper < _HALF)
        left = [torch.where(is_sure, weights, 0.0) for is_sure in sure]
        constant = out.minimum(torch.where(sure[0] | sure[1], 0.0, weights))
        parts: list[torch.Tensor | None] = [None]
        for option, part in zip(self.options, left, strict=True):
            if option is None:
                parts.append(summed(part, boxes[len(parts) - 1].lower.shape))
            else:
                value = option.to(weights.dtype).expand(part.shape)
                constant = constant + Box(value, value).minimum(part)
        return parts, constant

    def _options(self, boxes: Sequence[Box]) -> tuple[Box, Box]:
        of_inputs = iter(boxes[1:])
        one, other = (
            next(of_inputs) if option is None else Box(option, option) for option in self.options
        )
        return one, other


def where(shape: Shape, condition: Any, one: Any, other: Any) -> Rule:
    """One where the condition holds, else the other; each is activations or constant."""
    if not isinstance(condition, Activations):
        raise NoCertificate("expected a choice by a comparison of activations, got a constant one")
    one, other = (
        None if isinstance(option, Activations) else broadcast(option, shape)
        for option in (one, other)
    )
    return Choice((one, other))
