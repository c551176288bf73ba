"""Projected gradient ascent on the duals of domains: tighter bounds from the same relaxation.

It runs in float32. A certificate is one more bound in float64 with the duals that it finds.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import torch

from securemnist.certificates.in_time import InTime, always
from securemnist.certificates.relaxations.fixed import Fixed
from securemnist.certificates.relaxations.minimum import Minimum

# Adam (Kingma and Ba 2015, arXiv 1412.6980): decay of the means of gradients and of their squares, and
# what is added to the root of the latter.
_MOMENTUM, _SQUARES, _SMALL = 0.9, 0.999, 1e-8
# The mean of squares begins above the denormal numbers, which take a processor forty times as long.
_LEAST = 1e-30
# The length of each step, of the one before it; slower where there are many steps.
_DECAY = 0.97
# Lengths of the first steps of slopes and of multipliers.
SLOPE_RATE, MULTIPLIER_RATE = 0.1, 0.2


class Bounds(Protocol):
    """Lower bounds (d,) of sums with `weights` in d domains, and their minima."""

    @property
    def fixed(self) -> Fixed: ...

    def lower_bounds(self, duals: torch.Tensor, weights: torch.Tensor) -> torch.Tensor: ...

    def minimum(self, duals: torch.Tensor, weights: torch.Tensor) -> Minimum: ...


@torch.no_grad()
def optimised(
    domains: Bounds,
    duals: torch.Tensor,
    weights: torch.Tensor,
    *,
    steps: int,
    rate: float = SLOPE_RATE,
    goal: float = 0.0,
    pace: torch.Tensor | float = 1.0,
    in_time: InTime = always,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The best duals (d, units) of `steps` steps of Adam from `duals`, and their bounds (d,), float32.

    It ends early where every bound is above `goal`, without duals, and where the time is over. `pace`
    (d, 1): a factor of the steps of multipliers.
    """
    # In memory the domains are the columns, as products with `Sparse` need them.
    duals, weights = duals.float().T.contiguous().T, weights.float()
    steps = steps if duals.shape[1] else 0
    rates = torch.where(domains.fixed.free, rate, MULTIPLIER_RATE * pace)
    best, adam = _Best(duals), _Adam(duals, steps)
    for _ in range(steps):
        minimum = domains.minimum(duals, weights)
        best.note(duals, minimum.bounds)
        if bool((best.bounds > goal).all()) or not in_time():
            break
        gradient = minimum.gradient()
        duals = _moved(domains.fixed, duals, gradient, adam.step(gradient), rate, rates)
    else:
        best.note(duals, domains.lower_bounds(duals, weights))
    return best.duals, best.bounds


class _Best:
    """The duals (d, units) of the highest bounds (d,) so far; at first any, with bounds of -inf."""

    def __init__(self, duals: torch.Tensor) -> None:
        self.duals = duals
        self.bounds = torch.full((len(duals),), -torch.inf, device=duals.device)

    def note(self, duals: torch.Tensor, bounds: torch.Tensor) -> None:
        """Keep those whose bounds are higher."""
        better = bounds > self.bounds
        self.duals = torch.lerp(self.duals, duals, better.to(duals)[:, None])
        self.bounds = torch.where(better, bounds, self.bounds)


class _Step(NamedTuple):
    """A step of Adam, `length` * `mean` / `spread` for a rate of 1; `mean` and `spread` (d, units)."""

    mean: torch.Tensor
    spread: torch.Tensor
    length: float


class _Adam:
    """Steps of Adam, each shorter than the one before, in as many `steps`."""

    def __init__(self, duals: torch.Tensor, steps: int) -> None:
        self._decay = max(_DECAY, math.exp(-3 / max(1, steps)))
        self._mean, self._squares = torch.zeros_like(duals), torch.full_like(duals, _LEAST)
        self._number = 0

    def step(self, gradient: torch.Tensor) -> _Step:
        """The next step along a gradient (d, units)."""
        self._number += 1
        self._mean.lerp_(gradient, 1 - _MOMENTUM)
        self._squares.mul_(_SQUARES).addcmul_(gradient, gradient, value=1 - _SQUARES)
        # Both means are corrected for their start at 0.
        scale = math.sqrt(1 - _SQUARES**self._number)
        length = self._decay**self._number * scale / (1 - _MOMENTUM**self._number)
        return _Step(self._mean, self._squares.sqrt().add_(_SMALL * scale), length)


def _moved(
    fixed: Fixed,
    duals: torch.Tensor,
    gradient: torch.Tensor,
    step: _Step,
    rate: float,
    rates: torch.Tensor,
) -> torch.Tensor:
    """The duals (d, units) after a step by `rate`; of `fixed` by `rates` (d, k). Slopes are 0 to 1."""
    mean, spread, length = step
    moved = torch.addcdiv(duals, mean, spread, value=rate * length)
    change = rates * length * mean[:, fixed.units] / spread[:, fixed.units]
    multipliers = _multipliers(duals[:, fixed.units], change, gradient[:, fixed.units])
    slopes = moved.clamp_(0, 1)[:, fixed.units]
    moved[:, fixed.units] = torch.where(fixed.free, slopes, multipliers)
    return moved


def _multipliers(
    multipliers: torch.Tensor, change: torch.Tensor, gradient: torch.Tensor
) -> torch.Tensor:
    """The multipliers (d, k) after a change. They stop at 0.

    A bound has a kink where a multiplier is 0, and often its maximum. A multiplier leaves 0 in the
    direction of its gradient alone.
    """
    moved = multipliers + change
    return moved.masked_fill(
        (multipliers * moved < 0) | ((multipliers == 0) & (change * gradient <= 0)), 0
    )
