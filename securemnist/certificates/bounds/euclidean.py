"""L2 balls around samples, clipped to [0, 1], and bounds of the first layers over them.

The minimum of a linear form over the intersection of a ball and a box is that of its Lagrange dual.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import torch

from securemnist.certificates.bounds.lipschitz import gains
from securemnist.certificates.graph.network import Intervals, Network
from securemnist.certificates.operations.intervals import Box, ball, positive, sums
from securemnist.certificates.operations.rules import Affine, Rearrange
from securemnist.types import Images

# Relative rounding errors of float64: of a sum, as in `Box.minimum`, of a radius, and of an operation as
# a share of its float32 error.
_FLOAT64, _RADIUS, _SHARE = 1e-12, 1e-9, 1e-6
# The most rounds in which a multiplier is found; each of them gives a bound. The smallest divisor.
_ROUNDS, _SMALLEST = 10, 1e-30


@dataclass(frozen=True)
class L2Ball(Box):
    """The intersection of a box with the L2 ball of radius `eps` around `sample`, float64 (n, ...)."""

    sample: torch.Tensor
    eps: float
    independent: ClassVar[bool] = False

    def __getitem__(self, samples: torch.Tensor | slice) -> L2Ball:
        return L2Ball(self.lower[samples], self.upper[samples], self.sample[samples], self.eps)

    def to(self, dtype: torch.dtype) -> L2Ball:
        lower, upper, sample = (part.to(dtype) for part in (self.lower, self.upper, self.sample))
        return L2Ball(lower, upper, sample, self.eps)

    def minimum(self, weights: torch.Tensor) -> torch.Tensor:
        dual, multiplier = self._minimum(weights.flatten(1).T)
        error = _FLOAT64 * (sums(weights.abs() * self.size) + multiplier * self.eps**2)
        # `maximum` propagates NaN, which certifies nothing.
        return torch.maximum(super().minimum(weights), dual - error)

    def minimum_of_columns(self, weights: torch.Tensor) -> torch.Tensor:
        return self._minimum(weights)[0]

    def minimisers(self, weights: torch.Tensor) -> torch.Tensor:
        moves, _ = self._moves(weights)
        return self._centre - weights.sign() * moves

    def _minimum(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Lower bounds (d,) for columns of weights (values, d), and their multipliers (d,).

        The Lagrangian of a multiplier m of 0 or more has its minimum over the box as a bound:
        sum(weights * z) + m / 2 * (|z - sample|^2 - eps^2).
        """
        moves, multiplier = self._moves(weights)
        excess = moves.square().sum(0) - self._radius**2
        reached = (weights * self._centre).sum(0) - (weights.abs() * moves).sum(0)
        return reached + multiplier / 2 * excess, multiplier

    @torch.no_grad()
    def _moves(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """How far (values, d) each value moves from the sample to the minimum, and the multipliers (d,).

        The move is |weight| / multiplier, but not beyond the box. The multiplier begins above the best
        one, and falls as long as more values reach the end of the box.
        """
        sizes, lower = weights.abs(), self._centre - self._ends[0]
        room = torch.lerp(self._ends[1] - self._centre, lower, positive(weights))
        stopped = torch.le(room, 0, out=torch.empty_like(room))
        for _ in range(_ROUNDS):
            left = (self._radius**2 - (stopped * room.square()).sum(0)).clamp_min(_SMALLEST)
            multiplier = ((1 - stopped) * sizes.square()).sum(0).div_(left).sqrt_()
            moves = sizes / multiplier.clamp_min(_SMALLEST)
            before, stopped = stopped, torch.ge(moves, room, out=torch.empty_like(room))
            if torch.equal(before, stopped):
                break
        return torch.minimum(moves, room), multiplier

    @cached_property
    def _centre(self) -> torch.Tensor:
        """The samples (values, n)."""
        return self.sample.flatten(1).T

    @property
    def _radius(self) -> float:
        return self.eps * (1 + _RADIUS)


def ball_of(x: Images, eps: float, norm: str) -> Box:
    """The ball of radius `eps` in `norm`, "linf" or "l2", around samples, clipped to [0, 1]."""
    return l2_ball(x, eps) if norm == "l2" else ball(x, eps)


def intervals_of(network: Network, image: Box) -> Intervals:
    """Interval bounds of all values over a ball."""
    return l2_intervals(network, image) if isinstance(image, L2Ball) else network.intervals(image)


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
