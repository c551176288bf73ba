"""Projected gradient ascent on the duals of domains: tighter bounds from the same relaxation.

It runs in float32. A certificate is one more bound in float64 with the duals that it finds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch

from securemnist.certificates.fixed import Fixed
from securemnist.certificates.minimum import Minimum

_MOMENTUM, _SQUARES, _SMALL = 0.9, 0.999, 1e-8
# The mean of squares begins above the denormal numbers, which take a processor forty times as long.
_LEAST = 1e-30
# The length of each step, of the one before it; slower where there are many steps.
_DECAY = 0.97
# Lengths of the first steps of slopes and of multipliers.
SLOPE_RATE, MULTIPLIER_RATE = 0.1, 0.2

# Whether there is time left.
InTime = Callable[[], bool]


class Bounds(Protocol):
    """Lower bounds (d,) of sums with `weights` in d domains, and their minima."""

    @property
    def fixed(self) -> Fixed: ...

    def lower_bounds(self, duals: torch.Tensor, weights: torch.Tensor) -> torch.Tensor: ...

    def minimum(self, duals: torch.Tensor, weights: torch.Tensor) -> Minimum: ...


def always() -> bool:
    """The default of `in_time`: no limit on the time."""
    return True


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

    It ends early where every bound is above `goal`, and where the time is over. `pace` (d, 1): a factor
    of the steps of multipliers.
    """
    # In memory the domains are the columns, as products with `Sparse` need them.
    duals, weights = duals.float().T.contiguous().T, weights.float()
    fixed = domains.fixed
    rates = torch.where(fixed.free, rate, MULTIPLIER_RATE * pace)
    best, best_bounds = duals, torch.full((len(duals),), -torch.inf, device=duals.device)
    decay = max(_DECAY, math.exp(-3 / max(1, steps)))
    first, second = torch.zeros_like(duals), torch.full_like(duals, _LEAST)
    for k in range(1, steps + 2):
        if k > steps:
            bounds = domains.lower_bounds(duals, weights)
        else:
            minimum = domains.minimum(duals, weights)
            bounds = minimum.bounds
        better = bounds > best_bounds
        best = torch.lerp(best, duals, better.to(duals)[:, None])
        best_bounds = torch.where(better, bounds, best_bounds)
        if k > steps or bool((best_bounds > goal).all()) or not in_time():
            break
        gradient = minimum.gradient()
        first.lerp_(gradient, 1 - _MOMENTUM)
        second.mul_(_SQUARES).addcmul_(gradient, gradient, value=1 - _SQUARES)
        # Both means are corrected for their start at 0.
        scale = math.sqrt(1 - _SQUARES**k)
        length = decay**k * scale / (1 - _MOMENTUM**k)
        spread = second.sqrt().add_(_SMALL * scale)
        moved = torch.addcdiv(duals, first, spread, value=rate * length)
        step = rates * length * first[:, fixed.units] / spread[:, fixed.units]
        multipliers = _moved(duals[:, fixed.units], step, gradient[:, fixed.units])
        free = moved.clamp_(0, 1)[:, fixed.units]
        moved[:, fixed.units] = torch.where(fixed.free, free, multipliers)
        duals = moved
    return best, best_bounds


def _moved(multipliers: torch.Tensor, step: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """The multipliers (d, k) after a step. They stop at 0.

    A bound has a kink where a multiplier is 0, and often its maximum. A multiplier leaves 0 in the
    direction of its gradient alone.
    """
    moved = multipliers + step
    return moved.masked_fill(
        (multipliers * moved < 0) | ((multipliers == 0) & (step * gradient <= 0)), 0
    )
