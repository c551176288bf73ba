"""Where the relaxation of a domain is lowest: its image, and the values of its undecided units."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Minimum:
    """The minima of d domains, float32: `bounds` (d,) and the images (d, ...) that have them.

    `values` (d, units): what the undecided units are there; for a unit with a sign, how far it is above
    the end of its interval that its multiplier belongs to. `weights` (d, units): the weights of the
    outputs of their ReLUs; 0 where no linear bound reaches a unit.
    """

    bounds: torch.Tensor
    images: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor

    def gradient(self, signs: torch.Tensor) -> torch.Tensor:
        """The derivative (d, units) of the bounds by the duals: slopes, and multipliers of `signs`."""
        return torch.where(
            signs == 0, self.weights.clamp_min(0) * self.values, -signs * self.values
        )


def other_ends(
    signs: torch.Tensor, duals: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor
) -> torch.Tensor:
    """The ends (d, units) that multipliers below 0 belong to, 0 for other units.

    `lower` and `upper` (units,): the bounds of the units in the ball.
    """
    ends = torch.where(signs > 0, upper, lower)
    return torch.where((signs != 0) & (duals < 0), ends, 0)


def above_ends(
    values: torch.Tensor,
    signs: torch.Tensor,
    duals: torch.Tensor,
    lower: torch.Tensor,
    upper: torch.Tensor,
) -> torch.Tensor:
    """How far `values` (d, units) are above the ends that their multipliers belong to.

    At a multiplier of 0 that is 0 for a value between both ends: the bound falls in both directions.
    """
    end = torch.where(signs > 0, upper, lower)
    nearest = values.clamp(end.clamp_max(0), end.clamp_min(0))
    ends = torch.where(duals == 0, nearest, other_ends(signs, duals, lower, upper))
    return values - torch.where(signs != 0, ends, 0)
