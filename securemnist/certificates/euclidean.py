"""L2 balls around samples, clipped to [0, 1], and bounds of the first layers over them.

A linear form w over an L2 ball of radius eps is at least w·x - eps * ||w||_2, the dual norm.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from securemnist.certificates.intervals import Box, ball, sums
from securemnist.certificates.lipschitz import gains
from securemnist.certificates.network import Intervals, Network
from securemnist.certificates.rules import Affine, Rearrange
from securemnist.types import Images

# Relative rounding errors of float64: of a sum, as in `Box.minimum`, of a radius, and of an operation as
# a share of its float32 error.
_FLOAT64, _RADIUS, _SHARE = 1e-12, 1e-9, 1e-6


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
        dual = sums(weights * self.sample) - self.eps * (1 + _RADIUS) * norm - error
        # `maximum` propagates NaN, which certifies nothing.
        return torch.maximum(super().minimum(weights), dual)


def l2_ball(x: Images, eps: float) -> L2Ball:
    """The L2 ball of radius `eps` around samples, clipped to [0, 1]."""
    box = ball(x, eps)
    return L2Ball(box.lower, box.upper, x.double(), eps)


def l2_intervals(network: Network, image: L2Ball) -> Intervals:
    """Interval bounds of all values, tightened by the dual norm behind each of the first layers.

    Activations of images of the ball lie in an L2 ball around those of the sample. Its radius grows by
    the spectral norm of each layer and by rounding errors; a (leaky) ReLU does not enlarge it.
    """
    loose = network.intervals(image)
    known: dict[int, Box] = {}
    centre, error = image.sample, torch.zeros_like(image.sample)
    radius = centre.new_full((len(centre),), image.eps * (1 + _RADIUS))
    found = gains(network, centre)
    for index, step in enumerate(network.steps[: max(found, default=0)], 1):
        rule = step.rule
        if isinstance(rule, Affine):
            centre, error = rule.linear(centre) + rule.shift, rule.absolute(error)
        elif isinstance(rule, Rearrange):
            centre, error = rule.select(centre), rule.select(error)
        else:
            centre = rule.enclose(Box(centre, centre)).lower
        error = error + (1 + _SHARE) * loose.errors[index]
        if index in found:
            gain = found[index]
            reach = radius.view(-1, *[1] * len(step.shape)) * gain.rows + error
            known[index] = Box(centre - reach, centre + reach)
            radius = radius * gain.spectral + error.flatten(1).norm(dim=1)
            error = torch.zeros_like(error)
    return network.intervals(image, known) if known else loose
