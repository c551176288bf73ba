"""The rule of an L2 norm over some dimensions, as it divides the features of a cosine classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch

from securemnist.certificates.operations.arithmetic import Activations
from securemnist.certificates.operations.intervals import LARGEST, SMALLEST, Box, rounding
from securemnist.certificates.operations.rules import Backward, Rule, Shape
from securemnist.errors import NoCertificate

# Above this the square of a norm may overflow in float32.
_LARGEST = LARGEST**0.5


@final
@dataclass(frozen=True)
class Norm(Rule):
    """The L2 norm over `dims` (0 is the batch); with `keepdim` they stay, of size 1."""

    dims: tuple[int, ...]
    keepdim: bool

    def enclose(self, *boxes: Box) -> Box:
        (box,) = boxes
        nearest = torch.zeros_like(box.lower).clamp(box.lower, box.upper)
        return Box(self._of(nearest), self._of(box.size))

    def rounding(self, *boxes: Box) -> torch.Tensor:
        size = self._of(boxes[0].size)
        terms = boxes[0].lower[0].numel()
        # Squares of numbers near 0 may become 0, each with an error of at most SMALLEST.
        error = rounding(terms + 4, size) + (terms * SMALLEST) ** 0.5
        return torch.where(size < _LARGEST, error, torch.inf)

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        """Below: the product with a vector of norm 1, that of the centre. Above: the interval."""
        (box,) = inputs
        length = torch.linalg.vector_norm(box.centre, dim=self.dims, keepdim=True)
        # Divided by a little more, so that rounding leaves a norm of at most 1.
        direction = box.centre / (length * (1 + 1e-12)).clamp_min(SMALLEST)
        positive, negative = weights.clamp_min(0), weights.clamp_max(0)
        shape = length.shape[1:]
        of_values = positive.reshape(len(weights), *shape) * direction.to(weights.dtype)
        return [of_values], out.minimum(negative)

    def _of(self, x: torch.Tensor) -> torch.Tensor:
        norms: torch.Tensor = torch.linalg.vector_norm(x, dim=self.dims, keepdim=self.keepdim)
        return norms


def vector_norm(
    _shape: Shape,
    x: Activations,
    order: float = 2,
    dims: Sequence[int] | None = None,
    keepdim: bool = False,
    **_dtype: Any,
) -> Rule:
    """The L2 norm over some dimensions of each sample."""
    sides = len(x.shape) + 1
    found = tuple(sorted(dim % sides for dim in dims or (0,)))
    if order != 2 or 0 in found:
        raise NoCertificate(
            f"expected an L2 norm of each sample, got order {order} over dimensions {dims}"
        )
    return Norm(found, keepdim)
