"""Projected gradient ascent on the duals of domains: tighter bounds from the same relaxation.

It runs in float32. A certificate is one more bound in float64 with the duals that it finds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch

from securemnist.certificates.minimum import Minimum

_MOMENTUM, _SQUARES, _SMALL = 0.9, 0.999, 1e-8
# The length of each step, of the one before it; slower where there are many steps.
_DECAY = 0.97
# Lengths of the first steps of slopes and of multipliers.
SLOPE_RATE, MULTIPLIER_RATE = 0.1, 0.2

# Whether there is time left.
InTime = Callable[[], bool]


class Bounds(Protocol):
    """Lower bounds (d,) of sums with `weights` in d domains, and their minima."""

    def lower_bounds(self, duals: torch.Tensor, weights: torch.Tensor) -> torch.Tensor: ...

    def minimum(self, duals: torch.Tensor, weights: torch.Tensor) -> Minimum: ...


def always() -> bool:
    """The default of `in_time`: no limit on the time."""
    return True


@torch.no_grad()
def optimised(
    domains: Bounds,
    signs: torch.Tensor,
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
    free = signs == 0
    rates = torch.where(free, rate, MULTIPLIER_RATE * pace)
    duals, weights = duals.float(), weights.float()
    best, best_bounds = duals, torch.full((len(duals),), -torch.inf, device=duals.device)
    decay = max(_DECAY, math.exp(-3 / max(1, steps)))
    first, second = torch.zeros_like(duals), torch.zeros_like(duals)
    for k in range(1, steps + 2):
        if k > steps:
            bounds = domains.lower_bounds(duals, weights)
        else:
            minimum = domains.minimum(duals, weights)
            bounds = minimum.bounds
        better = bounds > best_bounds
        best = torch.where(better[:, None], duals, best)
        best_bounds = torch.where(better, bounds, best_bounds)
        if k > steps or bool((best_bounds > goal).all()) or not in_time():
            break
        gradient = minimum.gradient(signs)
        first = _MOMENTUM * first + (1 - _MOMENTUM) * gradient
        second = _SQUARES * second + (1 - _SQUARES) * gradient.square()
        mean = first / (1 - _MOMENTUM**k)
        spread = (second / (1 - _SQUARES**k)).sqrt() + _SMALL
        duals = _moved(duals, rates * decay**k * mean / spread, gradient, free)
    return best, best_bounds


def _moved(
    duals: torch.Tensor, step: torch.Tensor, gradient: torch.Tensor, free: torch.Tensor
) -> torch.Tensor:
    """The duals after a step: slopes stay from 0 to 1, and multipliers stop at 0.

    A bound has a kink where a multiplier is 0, and often its maximum. A multiplier leaves 0 in the
    direction of its gradient alone.
    """
    moved = duals + step
    stops = (duals * moved < 0) | ((duals == 0) & (step * gradient <= 0))
    return torch.where(free, moved.clamp(0, 1), moved.masked_fill(stops, 0))
