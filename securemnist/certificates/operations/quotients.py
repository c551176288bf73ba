"""The rule of a division by activations: a product with the reciprocal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch

from securemnist.certificates.operations.functions import RECIPROCAL
from securemnist.certificates.operations.intervals import Box, rounding
from securemnist.certificates.operations.rules import Backward, Product, Rule

_PRODUCT = Product()


@final
@dataclass(frozen=True)
class Quotient(Rule):
    """One / other, either of which may be broadcast; without bounds where the other may be 0 or less."""

    def enclose(self, *boxes: Box) -> Box:
        one, other = boxes
        return _PRODUCT.enclose(one, RECIPROCAL.enclose(other))

    def rounding(self, *boxes: Box) -> torch.Tensor:
        one, other = boxes
        # A kernel may multiply by the rounded inverse instead.
        return rounding(3, one.size * RECIPROCAL.enclose(other).size)

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        one, other = inputs
        inverse = RECIPROCAL.enclose(other)
        (of_one, of_inverse), constant = _PRODUCT.backward(weights, [one, inverse], out)
        (of_other,), rest = RECIPROCAL.backward(of_inverse, [other], inverse)
        return [of_one, of_other], constant + rest
