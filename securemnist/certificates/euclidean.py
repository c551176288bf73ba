"""L2 balls around samples, clipped to [0, 1], and bounds of the first linear operations over them.

A linear form w over an L2 ball of radius eps is at least w·x - eps * ||w||_2, the dual norm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from securemnist.certificates.intervals import Box, ball, sums
from securemnist.certificates.network import Intervals, Network
from securemnist.certificates.rules import Affine, Rearrange
from securemnist.types import Images

# Basis images of one batch, and the most values that all of them may take after one step.
_BASIS, _MOST = 64, 20_000_000
# Relative float64 rounding error, as in `Box.minimum`.
_FLOAT64 = 1e-12


@dataclass(frozen=True)
class L2Ball(Box):
    """The intersection of a box with the L2 ball of radius `eps` around `sample`, float64 (n, ...)."""

    sample: torch.Tensor
    eps: float

    def __getitem__(self, samples: torch.Tensor | slice) -> L2Ball:
        return L2Ball(self.lower[samples], self.upper[samples], self.sample[samples], self.eps)

    def minimum(self, weights: torch.Tensor) -> torch.Tensor:
        norm = sums(weights.square()).sqrt()
        error = _FLOAT64 * sums(weights.abs() * self.size)
        dual = sums(weights * self.sample) - self.eps * (1 + 1e-9) * norm - error
        # `maximum` propagates NaN, which certifies nothing.
        return torch.maximum(super().minimum(weights), dual)


def l2_ball(x: Images, eps: float) -> L2Ball:
    """The L2 ball of radius `eps` around samples, clipped to [0, 1]."""
    box = ball(x, eps)
    return L2Ball(box.lower, box.upper, x.double(), eps)


def l2_intervals(network: Network, image: L2Ball) -> Intervals:
    """Interval bounds of all values; those of the first linear operations by the dual norm."""
    loose = network.intervals(image)
    known: dict[int, Box] = {}
    centre, error = image.sample, torch.zeros_like(image.sample)
    inputs = centre[0].numel()
    basis = torch.eye(inputs, dtype=centre.dtype, device=centre.device)
    columns = basis.view(inputs, *centre.shape[1:])
    for index, step in enumerate(network.steps, 1):
        rule = step.rule
        if step.inputs != (index - 1,) or inputs * math.prod(step.shape) > _MOST:
            break
        if isinstance(rule, Affine):
            centre, error = rule.linear(centre) + rule.shift, rule.absolute(error)
            columns = torch.cat([rule.linear(part) for part in columns.split(_BASIS)])
        elif isinstance(rule, Rearrange):
            centre, error, columns = (rule.select(value) for value in (centre, error, columns))
        else:
            break
        error = error + loose.errors[index]
        norm = columns.square().sum(0, keepdim=True).sqrt()
        radius = image.eps * (1 + 1e-9) * norm + error + 1e-11 * loose.boxes[index].size
        known[index] = Box(centre - radius, centre + radius)
    return network.intervals(image, known) if known else loose
