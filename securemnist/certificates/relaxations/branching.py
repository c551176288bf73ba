"""Which unit a domain is split on: filtered smart branching (De Palma et al. 2021, arXiv 2104.06718).

Units are ranked by how far their linear bounds are from the ReLU where the relaxation is lowest. The
first few are split on trial, and the split with the best of the worse bounds is taken.
"""

from __future__ import annotations

import torch

from securemnist.certificates.relaxations.minimum import Minimum
from securemnist.certificates.relaxations.optimisation import optimised
from securemnist.certificates.relaxations.relaxation import Relaxation

# Units that are split on trial.
CANDIDATES = 4
# Part of the rank that does not depend on the minimiser: a share of the triangle's height.
_HEIGHT = 0.01


def ranked(
    relaxation: Relaxation, signs: torch.Tensor, duals: torch.Tensor, minimum: Minimum
) -> torch.Tensor:
    """The share (d, units) of each undecided unit in the distance of the relaxation from the network.

    It is the distance of the unit's linear bound from the ReLU where the relaxation is lowest, times
    the unit's weight; -1 for a unit whose sign is fixed.
    """
    lower, upper = relaxation.ends
    value, outer = minimum.values.maximum(lower).minimum(upper), minimum.weights
    above = upper * (value - lower) / (upper - lower).clamp_min(1e-12) - value.clamp_min(0)
    below = value.clamp_min(0) - duals * value
    height = -lower * upper / (upper - lower).clamp_min(1e-12)
    ranks = torch.where(outer > 0, outer * below, -outer * above) + _HEIGHT * outer.abs() * height
    # Rounding leaves less than 0, or nothing, of a unit whose bounds are close to 0.
    return ranks.nan_to_num(0.0).clamp_min(0).masked_fill(signs != 0, -1)


@torch.no_grad()
def children(
    relaxation: Relaxation,
    signs: torch.Tensor,
    duals: torch.Tensor,
    weights: torch.Tensor,
    found: Minimum,
    *,
    candidates: int = CANDIDATES,
    steps: int = 0,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Signs and duals (2d, units) of the two parts of each domain; first all with sign 1, then -1.

    Every domain must have a unit without a sign. `found`: the minima of the domains with these duals.
    The parts of each of the `candidates` are bounded after so many `steps` of ascent. With ReLU no part
    has a lower bound than its domain, up to rounding.
    """
    ranks = ranked(relaxation, signs, duals, found)
    count = min(candidates, int((ranks >= 0).sum(1).min()))
    flat = ranks.topk(count, dim=1).indices.view(-1, 1)
    # All candidates of all domains, with sign 1 and then -1, and a multiplier of 0.
    rows = torch.arange(len(signs), device=signs.device).repeat_interleave(count)
    domains = relaxation.estimates(_with_signs(signs[rows], flat))
    without = duals[rows].scatter(1, flat, 0).repeat(2, 1)
    tried, bounds = optimised(domains, without, weights[rows].repeat(2, 1), steps=steps)
    worse, better = bounds.view(2, len(signs), count).sort(0).values.clamp_max(0)
    best = (worse + 0.1 * better).argmax(1) + count * torch.arange(len(signs), device=signs.device)
    unit, chosen = flat[best], torch.cat([best, best + len(rows)])
    # A multiplier of 0 may give a part a lower bound than its domain has.
    loses = (bounds[chosen] < found.bounds.repeat(2))[:, None]
    kept = duals.repeat(2, 1).scatter(
        1, unit.repeat(2, 1), _multipliers(relaxation, duals, found, unit)
    )
    return _with_signs(signs, unit), torch.where(loses, kept, tried[chosen].to(duals))


def _with_signs(signs: torch.Tensor, unit: torch.Tensor) -> torch.Tensor:
    """Signs of domains whose `unit` (d, 1) has sign 1, then of those where it has sign -1."""
    return torch.cat([signs.scatter(1, unit, 1), signs.scatter(1, unit, -1)])


def _multipliers(
    relaxation: Relaxation, duals: torch.Tensor, found: Minimum, unit: torch.Tensor
) -> torch.Tensor:
    """The multipliers (2d, 1) of both parts with which the unit keeps its line of the domain."""
    lower, upper = (end[unit] for end in relaxation.ends)
    slope, chord = duals.gather(1, unit).float().clamp(0, 1), upper / (upper - lower)
    outer = found.weights.gather(1, unit)
    line = torch.where(outer > 0, slope, chord)
    return torch.cat([outer * (1 - line), outer * line]).to(duals)
