"""Which unit a domain is split on: filtered smart branching (De Palma et al. 2021, arXiv 2104.06718).

Units are ranked by how far their linear bounds are from the ReLU where the relaxation is lowest. The
first few are split on trial, and the split with the best of the worse bounds is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from securemnist.certificates.crown import Choice
from securemnist.certificates.relaxation import Domains, Layer, Relaxation

# Units that are split on trial.
CANDIDATES = 4
# Part of the rank that does not depend on the minimiser: a share of the triangle's height.
_HEIGHT = 0.01


@dataclass(frozen=True)
class Minimiser:
    """Where the relaxation of each domain is lowest.

    `images` (d, ...) float32: its image. `ranks` (d, units): the share of each undecided unit in the
    distance of the relaxation from the network; -1 for a unit whose sign is fixed.
    """

    images: torch.Tensor
    ranks: torch.Tensor


@torch.enable_grad()
def minimiser(
    relaxation: Relaxation, signs: torch.Tensor, duals: torch.Tensor, weights: torch.Tensor
) -> Minimiser:
    """The minimisers of domains by signs and duals (d, units), of margins by `weights` (d, K)."""
    domains = relaxation.domains(signs, exact=False)
    duals, weights = duals.float(), weights.float()
    # The derivative of a bound by the weight of a value is that value, where the bound is reached.
    zeros = {
        layer.source: duals.new_zeros(len(signs), *domains.shape(layer)).requires_grad_()
        for layer in relaxation.layers
    }
    choice = Choice(added=dict(zeros))
    bounds = domains.lower_bounds(duals, weights, choice=choice)
    inputs = list(zeros.values())
    values = torch.autograd.grad(bounds.sum(), inputs, allow_unused=True) if inputs else ()
    ranks = torch.full_like(duals, -1.0)
    for layer, value in zip(relaxation.layers, values, strict=True):
        if value is not None:
            ranks[:, layer.columns] = _ranks(domains, layer, value, duals, choice)
    ranks[signs != 0] = -1
    box = domains.intervals.boxes[0]
    images = box.centre.expand(len(signs), *box.lower.shape[1:])
    if 0 in choice.weights:  # not where intervals bound a layer in between
        images = torch.where(choice.weights[0] > 0, box.lower, box.upper)
    return Minimiser(images.detach(), ranks)


def _ranks(
    domains: Domains, layer: Layer, value: torch.Tensor, duals: torch.Tensor, choice: Choice
) -> torch.Tensor:
    """The distance of each unit's linear bound from the ReLU at `value`, times the unit's weight."""
    box = domains.intervals.boxes[layer.source]
    lower, upper = (end.flatten(1)[:, layer.units] for end in (box.lower, box.upper))
    value = value.flatten(1)[:, layer.units].maximum(lower).minimum(upper)
    read = [choice.weights[relu] for relu in layer.relus if relu in choice.weights]
    if not read:  # no linear bound reaches this layer
        return torch.zeros_like(value)
    outer = torch.stack(read).sum(0).detach().flatten(1)[:, layer.units]
    chord = upper * (value - lower) / (upper - lower).clamp_min(1e-12)
    above = chord - value.clamp_min(0)
    below = value.clamp_min(0) - duals[:, layer.columns] * value
    height = -lower * upper / (upper - lower).clamp_min(1e-12)
    return torch.where(outer > 0, outer * below, -outer * above) + _HEIGHT * outer.abs() * height


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
        domains = relaxation.domains(both[0], exact=False)
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
