"""The rule of a softmax that another operation reads, as in attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch

from securemnist.certificates.operations.curves import closer
from securemnist.certificates.operations.functions import EXP, RECIPROCAL
from securemnist.certificates.operations.intervals import Box, rounding
from securemnist.certificates.operations.rules import Backward, Rule

# Bound of the float64 error of a linear function, relative to its terms.
_FLOAT64 = 2.0**-40


@final
@dataclass(frozen=True)
class Softmax(Rule):
    """Softmax over the dimension `dim` (0 is the batch) of `count` values.

    The i-th value is the reciprocal of the sum over j of exp(x_j - x_i) (Wei et al. 2023, arXiv
    2303.01713). Parallel lines of both functions give two parallel planes around it.
    """

    dim: int
    count: int

    @property
    def inner(self) -> int:
        """The differences of all values to one."""
        return self.count

    def enclose(self, *boxes: Box) -> Box:
        total = self._totals(self._differences(boxes[0]))
        return Box(1 / total.upper, 1 / total.lower).map(self._back)

    def rounding(self, *boxes: Box) -> torch.Tensor:
        # A kernel subtracts the largest x. That changes exp(-d) by d units, and d exp(-d) is below 1. The
        # exponential, of up to 40 units, the sum and the quotient have relative errors, and no value is
        # above 1.
        return rounding(4 * self.count + 128, torch.ones_like(boxes[0].lower))

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        slopes, rest = self._planes(inputs[0], out.map(self._last))
        weights, slopes = self._last(weights), slopes.to(weights.dtype)
        if len(slopes) == 1:  # of one sample, for many weights
            product = (weights.movedim(0, -2) @ slopes[0]).movedim(-2, 0)
        else:
            product = (weights[..., None, :] @ slopes)[..., 0, :]
        return [self._back(product)], rest.minimum(weights)

    def _planes(self, box: Box, out: Box) -> tuple[torch.Tensor, Box]:
        """Slopes (..., i, j) by which each value depends on each x, and bounds of what they leave."""
        differences = self._differences(box)
        rises, of_exp = EXP.parallels(differences, differences.map(torch.exp))
        total = self._totals(differences)
        falls, of_reciprocal = RECIPROCAL.parallels(total, Box(1 / total.upper, 1 / total.lower))
        slopes = falls[..., None] * rises  # by the differences x_j - x_i
        size = self._last(box.size)
        terms = slopes.abs() * (size[..., None, :] + size[..., :, None])
        rest = Box(
            of_reciprocal.lower + falls * of_exp.upper.sum(-1),
            of_reciprocal.upper + falls * of_exp.lower.sum(-1),
        ).widened(_FLOAT64 * (terms.sum(-1) + falls.abs() * (of_exp.size.sum(-1) + total.upper)))
        slopes = slopes - torch.diag_embed(slopes.sum(-1))
        kept, rest = closer(torch.ones_like(rest.lower), rest, out)
        return torch.where(kept[..., None] > 0, slopes, 0.0), rest

    def _differences(self, box: Box) -> Box:
        """Bounds (..., i, j) of x_j - x_i."""
        lower, upper = self._last(box.lower), self._last(box.upper)
        own = torch.eye(self.count, dtype=torch.bool, device=lower.device)
        ends = (lower[..., None, :] - upper[..., None], upper[..., None, :] - lower[..., None])
        return Box(*(end.masked_fill(own, 0) for end in ends))

    def _totals(self, differences: Box) -> Box:
        """Bounds of the sums over j of exp(x_j - x_i), 1 or more."""
        return differences.map(lambda d: d.exp().sum(-1))

    def _last(self, values: torch.Tensor) -> torch.Tensor:
        return values.movedim(self.dim, -1)

    def _back(self, values: torch.Tensor) -> torch.Tensor:
        return values.movedim(-1, self.dim)
