"""Masked scores: so far below the highest score that they would hide every change of the others.

Some networks and services give -1e9 to a class that is never meant, or to all but the first ones.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

# A score so far below the highest is a mask, in units of that one and of 1. The others may differ by so
# many of these units, times a tolerance, at least: they may come from a difference of large numbers.
_FAR, _LEAST = 1000, 100


class Spread(NamedTuple):
    """`below`: how far each score (n, K) is from the highest; `far`, boolean (n, K): the masks.

    `others` (n,): the spread of the scores that are no masks.
    """

    below: torch.Tensor
    far: torch.Tensor
    others: torch.Tensor

    def largest(self, values: torch.Tensor) -> torch.Tensor:
        """The largest of the values (n, K), each 0 or more, that do not belong to masks."""
        return values.masked_fill(self.far, 0).amax(1)


def spread(scores: torch.Tensor, most: torch.Tensor | None = None) -> Spread:
    """The spread of scores (n, K) with and without masks; `most` (n,): an upper bound without them."""
    highest = scores.amax(1, keepdim=True)
    unit, below = highest.abs().clamp_min(1), highest - scores
    far = below > _FAR * unit
    others = below.masked_fill(far, 0).amax(1)
    if most is not None:
        others = others.minimum(most)
    least = torch.where(far.any(1), _LEAST * unit[:, 0], 0)
    return Spread(below, far, others.maximum(least))
