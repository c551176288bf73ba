"""The rule of a product of two matrices of activations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch

from securemnist.certificates.operations.intervals import Box, rounding, sums
from securemnist.certificates.operations.rules import Backward, Rule


@final
@dataclass(frozen=True)
class MatrixProduct(Rule):
    """One (..., rows, terms) @ other (..., terms, columns), both activations with the same other sides.

    With `transposes` the other is (..., columns, terms). With centres c and radii r, a * b differs from
    c_b * a + c_a * b - c_a * c_b by at most r_a * r_b. That is the mean of the two planes of McCormick
    1976 on either side.
    """

    transposes: bool = False

    def enclose(self, *boxes: Box) -> Box:
        one, other = self._factors(boxes)
        centre = one.centre @ other.centre
        radius = one.radius @ (other.centre.abs() + other.radius) + one.centre.abs() @ other.radius
        return Box(centre - radius, centre + radius)

    def rounding(self, *boxes: Box) -> torch.Tensor:
        one, other = self._factors(boxes)
        return rounding(one.lower.shape[-1] + 4, one.size @ other.size)

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        one, other = self._factors(inputs)
        of_one, of_other = weights @ other.centre.mT, one.centre.mT @ weights
        constant = sums(weights * (one.centre @ other.centre))
        error = sums(weights.abs() * (one.radius @ other.radius))
        return [of_one, of_other.mT if self.transposes else of_other], -constant - error

    def _factors(self, boxes: Sequence[Box]) -> tuple[Box, Box]:
        one, other = boxes
        return one, other.map(lambda x: x.mT) if self.transposes else other
