"""Where the relaxation of a domain is lowest: its image, and the values of its undecided units."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from securemnist.certificates.relaxations.fixed import Fixed


@dataclass(frozen=True)
class Minimum:
    """The minima of d domains, float32: `bounds` (d,) and the images (d, ...) that have them.

    `values` (d, units): what the undecided units are there; for a unit with a sign, how far it is above
    the end of its interval that its multiplier belongs to. `weights` (d, units): the weights of the
    outputs of their ReLUs; 0 where no linear bound reaches a unit. `fixed`: the units with a sign.
    """

    bounds: torch.Tensor
    images: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor
    fixed: Fixed

    def gradient(self) -> torch.Tensor:
        """The derivative (d, units) of the bounds by the duals: slopes, and multipliers."""
        fixed = self.fixed
        gradient = self.weights.clamp_min(0) * self.values
        multipliers = -fixed.signs * self.values[:, fixed.units]
        gradient[:, fixed.units] = torch.where(fixed.free, gradient[:, fixed.units], multipliers)
        return gradient
