"""Units whose sign is fixed in a domain. They are few, so they are stored by index."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn.functional import pad


@dataclass(frozen=True)
class Fixed:
    """The k units that have a sign in one of d domains at least.

    `units` (k,): their places. `signs` (d, k): -1, 0 or 1, in the type of the bounds. `lower` and
    `upper` (k,): the bounds of the units in the ball.
    """

    units: torch.Tensor
    signs: torch.Tensor
    lower: torch.Tensor
    upper: torch.Tensor

    @classmethod
    def of(cls, signs: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor) -> Fixed:
        """From the signs (d, units) and the bounds (units,) of all units."""
        units = signs.any(0).nonzero()[:, 0]
        return cls(units, signs[:, units].to(lower), lower[units], upper[units])

    def within(self, columns: slice) -> Fixed:
        """Those of one layer, by their places in it."""
        inside = (self.units >= columns.start) & (self.units < columns.stop)
        units = self.units[inside] - columns.start
        return Fixed(units, self.signs[:, inside], self.lower[inside], self.upper[inside])

    def with_constraint(self, unit: int) -> Fixed:
        """These and one more constraint with sign -1, at the place `unit`."""
        return Fixed(
            pad(self.units, (0, 1), value=unit),
            pad(self.signs, (0, 1), value=-1),
            pad(self.lower, (0, 1)),
            pad(self.upper, (0, 1)),
        )

    @cached_property
    def free(self) -> torch.Tensor:
        """Where (d, k) the unit has no sign."""
        return self.signs == 0

    @cached_property
    def _ends(self) -> torch.Tensor:
        return torch.where(self.signs > 0, self.upper, self.lower)

    def other_ends(self, duals: torch.Tensor) -> torch.Tensor:
        """The ends (d, k) that multipliers below 0 belong to, 0 for other units: `duals` (d, k)."""
        return torch.where(~self.free & (duals < 0), self._ends, 0)

    def above_ends(self, values: torch.Tensor, duals: torch.Tensor) -> torch.Tensor:
        """How far `values` (d, k) are above the ends that their multipliers belong to.

        At a multiplier of 0 that is 0 for a value between both ends: the bound falls in both directions.
        """
        nearest = values.clamp(self._ends.clamp_max(0), self._ends.clamp_min(0))
        ends = torch.where(duals == 0, nearest, self.other_ends(duals))
        return values - torch.where(self.free, 0, ends)
