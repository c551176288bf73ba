"""Tighter bounds of units where one margin is small: only there an adversarial example can be.

The margin counts as one more constraint, with a multiplier of its own (Kotha et al. 2023, arXiv
2302.01404). Bounds that contradict each other show that no image has so small a margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn.functional import pad

from securemnist.certificates.graph.network import Intervals
from securemnist.certificates.in_time import InTime, always
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.relaxations.branching import ranked
from securemnist.certificates.relaxations.fixed import Fixed
from securemnist.certificates.relaxations.minimum import Minimum
from securemnist.certificates.relaxations.optimisation import optimised
from securemnist.certificates.relaxations.reduced import ReducedDomains, ReducedNetwork
from securemnist.certificates.relaxations.relaxation import Relaxation
from securemnist.certificates.relaxations.tightening import AT_ONCE

# The margin up to which bounds are narrowed: a proof shows a margin of at least that.
LEAST = 1e-3
# Units whose bounds are narrowed at once, those of the highest rank; steps of Adam for each bound.
UNITS, STEPS = 48, 8
# The first multiplier of the margin, and the length of the first step of slopes.
FIRST, RATE = 0.3, 0.2


@dataclass(frozen=True)
class _Constrained:
    """Bounds of linear combinations of units where sum(`margin` * logits) is at most LEAST.

    The last column of the duals is the multiplier of that constraint; its sign is -1.
    """

    domains: ReducedDomains
    margin: torch.Tensor

    @cached_property
    def fixed(self) -> Fixed:
        """The units with a sign, and the constraint."""
        fixed = self.domains.fixed
        return fixed.with_constraint(self.domains.reduced.units)

    def lower_bounds(self, duals: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Lower bounds (r,) of sum(weights * units), `weights` (r, units)."""
        return self.minimum(duals, weights).bounds

    def minimum(self, duals: torch.Tensor, weights: torch.Tensor) -> Minimum:
        """The minima of the same bounds, with the excess of the margin as the last value."""
        multiplier = duals[:, -1:].clamp_min(0)
        found, logits = self.domains.minimum_of_units(
            duals[:, :-1], multiplier * self.margin, weights
        )
        excess = (logits @ self.margin - LEAST)[:, None]
        excess = torch.where(multiplier > 0, excess, excess.clamp_min(0))  # it stays at 0 or more
        bounds = found.bounds - LEAST * multiplier[:, 0]
        # Transposed twice, since domains are columns in memory.
        values = torch.cat([found.values.T, excess.T]).T
        outer = pad(found.weights.T, (0, 0, 0, 1)).T
        return Minimum(bounds, found.images, values, outer, self.fixed)


@torch.no_grad()
def narrowed(
    relaxation: Relaxation,
    reduced: ReducedNetwork,
    signs: torch.Tensor,
    duals: torch.Tensor,
    margin: torch.Tensor,
    in_time: InTime = always,
) -> Intervals | None:
    """Bounds for the images of one domain whose margin is at most LEAST; None where there is none.

    `signs` and `duals` (1, units), `margin` (1, K) float64: the weights of the logits. Units of known
    sign keep their bounds, and all do where the time is over. `reduced`: the network of the relaxation.
    """
    found = reduced.domains(signs).minimum(duals.float(), margin.float())
    ranks = ranked(relaxation, signs, duals.float(), found)[0]
    units = ranks.topk(min(UNITS, int((ranks >= 0).sum()))).indices
    found_bounds = []
    for part in torch.cat([units + 1, -units - 1]).split(relaxation.network.rows_of_batch(AT_ONCE)):
        if not in_time():
            return relaxation.intervals
        found_bounds.append(_bounded(relaxation, reduced, signs, duals, margin, part))
    bounds = torch.cat(found_bounds)
    return _within(relaxation, units, bounds[: len(units)], -bounds[len(units) :])


def _bounded(
    relaxation: Relaxation,
    reduced: ReducedNetwork,
    signs: torch.Tensor,
    duals: torch.Tensor,
    margin: torch.Tensor,
    numbers: torch.Tensor,
) -> torch.Tensor:
    """Certified lower bounds (r,) of units, by their number from 1, or of their negatives.

    It is -inf where float32 expects no better one than is known.
    """
    rows = len(numbers)
    weights = margin.new_zeros(rows, relaxation.units)
    weights[torch.arange(rows, device=numbers.device), numbers.abs() - 1] = numbers.sign().double()
    first = pad(duals.float(), (0, 1), value=FIRST).expand(rows, -1)
    best, estimates = optimised(
        _Constrained(reduced.domains(signs.expand(rows, -1)), margin[0].float()),
        first,
        weights,
        steps=STEPS,
        rate=RATE,
    )
    lower, upper = (end[numbers.abs() - 1] for end in relaxation.ends)
    asked = estimates > torch.where(numbers > 0, lower, -upper)
    bounds = torch.full_like(estimates, -torch.inf, dtype=torch.float64)
    if bool(asked.any()):
        exact = best[asked].double()
        multiplier = exact[:, -1:].clamp_min(0)
        found = relaxation.domains(signs).lower_bounds(
            exact[:, :-1], multiplier * margin, units=weights[asked]
        )
        bounds[asked] = found - LEAST * multiplier[:, 0]
    return bounds


def _within(
    relaxation: Relaxation, units: torch.Tensor, lower: torch.Tensor, upper: torch.Tensor
) -> Intervals | None:
    """The intervals with these bounds of units; None where a lower bound is above an upper one."""
    boxes = relaxation.intervals.boxes
    known = dict(enumerate(boxes))
    for layer in relaxation.layers:
        inside = (units >= layer.columns.start) & (units < layer.columns.stop)
        places = layer.units[units[inside] - layer.columns.start]
        box = boxes[layer.source]
        low, high = box.lower.flatten().clone(), box.upper.flatten().clone()
        # `fmax` and `fmin` keep the bounds where the new ones are NaN.
        low[places] = torch.fmax(low[places], lower[inside])
        high[places] = torch.fmin(high[places], upper[inside])
        if bool((low > high).any()):
            return None
        known[layer.source] = Box(low.view_as(box.lower), high.view_as(box.upper))
    return relaxation.network.intervals(known[0], known)
