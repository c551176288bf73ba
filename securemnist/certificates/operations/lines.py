"""Bounds of a function less a line, from which two parallel lines around the function follow.

The line has the slope of the chord. A smooth function is compared with it on a grid, with the error of
linear interpolation beside it; a convex or concave one at its ends and at the point of the same slope.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, final

import torch

from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.operations.rules import Map

_STEPS = 16


class Lines(Protocol):
    """A way to find the bounds of function(x) - slope * x in a box; tensors float64 (n, ...)."""

    def rest(self, function: Map, slope: torch.Tensor, box: Box) -> Box:
        """The bounds in exact arithmetic; NaN or infinite where there are none."""


@final
@dataclass(frozen=True)
class Grid:
    """For a function whose derivative changes by at most `curvature` a unit of the input.

    Where the derivative jumps, the sizes of all jumps have the sum `kinks`.
    """

    curvature: float
    kinks: float = 0.0

    def rest(self, function: Map, slope: torch.Tensor, box: Box) -> Box:
        """Between two neighbours of the grid the difference stays near the line through its values.

        It is farther by at most curvature * step**2 / 8, and by a quarter of step * kinks.
        """
        step = (box.upper - box.lower) / _STEPS
        least, most = torch.full_like(step, torch.inf), torch.full_like(step, -torch.inf)
        for part in range(_STEPS + 1):
            point = box.lower + step * part
            rest = function(point) - slope * point
            least, most = torch.minimum(least, rest), torch.maximum(most, rest)
        between = self.curvature * step**2 / 8 + self.kinks * step / 4
        return Box(least - between, most + between)


@final
@dataclass(frozen=True)
class Tangent:
    """For a convex function: `touch` maps a slope to the point where the derivative has it.

    With `concave` the function is concave.
    """

    touch: Map
    concave: bool = False

    def rest(self, function: Map, slope: torch.Tensor, box: Box) -> Box:
        """One bound is at an end of the box, the other one at the point of the same slope.

        The point is in the box, but for rounding; in a box of one point it may be anywhere.
        """
        point = self.touch(slope).clamp(box.lower, box.upper)
        low, high, inner = (function(x) - slope * x for x in (box.lower, box.upper, point))
        least, most = torch.minimum(low, high), torch.maximum(low, high)
        if self.concave:
            return Box(least, torch.maximum(inner, most))
        return Box(torch.minimum(inner, least), most)
