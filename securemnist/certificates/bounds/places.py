"""Bounds for all places of a square: those of ranges of places, divided where they are too loose.

Interval bounds for each place: Chiang et al. 2020, arXiv 2003.06693.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from securemnist.certificates.bounds.margin_bounds import smallest_margins
from securemnist.certificates.bounds.squares import box_of, first_ranges, quarters, single
from securemnist.certificates.graph.equivalence import same_logits
from securemnist.certificates.graph.network import Network
from securemnist.certificates.in_time import InTime, always
from securemnist.types import Images, Labels

# Ranges of the first batch, which then doubles: a place that no bound proves often shows soon.
_FIRST = 2


@dataclass(frozen=True)
class Places:
    """Bounds for the places of a square in one image.

    `lowest`: a lower bound of the margin at all places but those `left`, int64 (k, 4), loosest first.
    `method`: the index of the most expensive method that a bound needed, -1 where none is above 0.
    `boxes`: the number of boxes that were bounded, and `crown` of those for which CROWN was computed.
    """

    lowest: float
    left: torch.Tensor
    method: int
    boxes: int
    crown: int


def square_margins(
    network: Network, model: nn.Module, x: Images, y: Labels, side: int, *, crown: bool
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Margins (n,) over all places of a square, methods (n,), and the number of images with CROWN bounds.

    The margin is -inf, and the method -1, where a place is left.
    """
    margins = torch.full((len(y),), -torch.inf, dtype=torch.float64, device=x.device)
    by, with_crown = torch.full_like(y, -1), 0
    for number in range(len(y)):
        part = slice(number, number + 1)
        found = search_places(network, model, x[part], y[part], side, crown=crown, most=1)
        with_crown += found.crown > 0
        if not len(found.left):
            margins[number], by[number] = found.lowest, found.method
    return margins, by, with_crown


def search_places(
    network: Network,
    model: nn.Module,
    x: Images,
    y: Labels,
    side: int,
    *,
    crown: bool = True,
    most: float = torch.inf,
    in_time: InTime = always,
) -> Places:
    """Bounds for the places of a square of `side` in one image `x` (1, C, H, W) of label `y` (1,).

    The search ends when `most` places are left. Then, and where the time is over, the ranges that wait
    are left, too.
    """
    logits, size = same_logits(network, model, x), _FIRST
    waiting = first_ranges(x, side)
    left, left_bounds = waiting[:0], torch.zeros(0, dtype=torch.float64, device=x.device)
    lowest, method, boxes, with_crown = torch.inf, -1, 0, 0
    while len(waiting) and len(left) < most and in_time():
        waiting, ranges = waiting[:-size], waiting[-size:]
        size = min(2 * size, network.samples_of_batch)
        bounds, by, tried = smallest_margins(
            network,
            box_of(x, side, ranges),
            logits.expand(len(ranges), -1),
            y.expand(len(ranges)),
            crown=crown,
        )
        boxes, with_crown = boxes + len(ranges), with_crown + tried
        proved, alone = by >= 0, single(ranges)
        lowest = min([lowest, *bounds[proved].tolist()])
        method = max([method, *by.tolist()])
        left = torch.cat([left, ranges[~proved & alone]])
        left_bounds = torch.cat([left_bounds, bounds[~proved & alone]])
        waiting = torch.cat([waiting, quarters(ranges[~proved & ~alone])])
    # NaN, which proves nothing, counts as the loosest bound.
    order = left_bounds.nan_to_num(-torch.inf).argsort(stable=True)
    return Places(lowest, torch.cat([waiting, left[order]]), method, boxes, with_crown)
