"""Which unit a domain is split on: filtered smart branching (De Palma et al. 2021, arXiv 2104.06718).

Units are ranked by how far their linear bounds are from the ReLU where the relaxation is lowest. The
first few are split on trial, and the split with the best of the worse bounds is taken.
"""

from __future__ import annotations

import torch

from securemnist.certificates.minimum import Minimum
from securemnist.certificates.relaxation import Relaxation

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
    return ranks.masked_fill(signs != 0, -1)


@torch.no_grad()
def children(
    relaxation: Relaxation,
    signs: torch.Tensor,
    duals: torch.Tensor,
    weights: torch.Tensor,
    ranks: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Signs and duals (2d, units) of the two parts of each domain; first all with sign 1, then -1.

    Every domain must have a unit without a sign.
    """
    count = min(CANDIDATES, int((ranks >= 0).sum(1).min()))
    candidates = ranks.topk(count, dim=1).indices
    unit = candidates[:, 0]
    if count > 1:
        # All candidates of all domains, with sign 1 and then -1.
        rows = torch.arange(len(signs), device=signs.device).repeat_interleave(count)
        both = _split(signs[rows], duals[rows], candidates.flatten())
        domains = relaxation.estimates(both[0])
        bounds = domains.lower_bounds(both[1].float(), weights[rows].repeat(2, 1).float())
        worse, better = bounds.view(2, len(signs), count).sort(0).values.clamp_max(0)
        unit = candidates.gather(1, (worse + 0.1 * better).argmax(1, keepdim=True)).squeeze(1)
    return _split(signs, duals, unit)


def _split(
    signs: torch.Tensor, duals: torch.Tensor, units: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each domain with its unit at least 0, then each with it at most 0; multipliers start at 0."""
    rows = torch.arange(len(signs), device=signs.device)
    positive, negative, duals = signs.clone(), signs.clone(), duals.clone()
    positive[rows, units], negative[rows, units], duals[rows, units] = 1, -1, 0
    return torch.cat([positive, negative]), duals.repeat(2, 1)
