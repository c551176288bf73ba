"""Bounds for all places of a square: those of ranges of places, divided where they are too loose.

Interval bounds for each place: Chiang et al. 2020, arXiv 2003.06693. The values of a single pixel are
divided, too: a part of them has narrow intervals, and few values have a margin of 0 or less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from securemnist.certificates.bounds.margin_bounds import smallest_margins
from securemnist.certificates.bounds.squares import Squares, all_squares
from securemnist.certificates.graph.equivalence import same_logits
from securemnist.certificates.graph.network import Network
from securemnist.certificates.in_time import InTime, always
from securemnist.certificates.operations.intervals import Box
from securemnist.types import Images, Labels, Logits

# Ranges of the first batch, which then doubles: a place that no bound proves often shows soon.
_FIRST = 2


@dataclass(frozen=True)
class Places:
    """Bounds for the places of a square in one image.

    `lowest`: a lower bound of the margin at all places but those `left`, loosest first. `method`: the
    index of the most expensive method that a bound needed, -1 where none is above 0. `boxes`: the number
    of boxes that were bounded, and `crown` of those for which CROWN was computed. `broken`: whether an
    adversarial example was found.
    """

    lowest: float
    left: Squares
    method: int
    boxes: int
    crown: int
    broken: bool


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
    counterexample: Callable[[Images], bool] = lambda _: False,
) -> Places:
    """Bounds for the places of a square of `side` in one image `x` (1, C, H, W) of label `y` (1,).

    The search ends when `most` ranges are left, or a `counterexample` is found from the wrong images in
    boxes. Then, and where the time is over, the ranges that wait are left, too.
    """
    clean, size = same_logits(network, model, x), _FIRST
    waiting = all_squares(x, side)
    left, left_bounds = waiting[:0], torch.zeros(0, dtype=torch.float64, device=x.device)
    lowest, method, boxes, with_crown, broken = torch.inf, -1, 0, 0, False
    while len(waiting) and len(left) < most and in_time() and not broken:
        waiting, squares = waiting[:-size], waiting[-size:]
        size = min(2 * size, network.samples_of_batch)
        box = squares.box(x)
        logits, wrong = _inside(model, clean, y, box, squares)
        broken = bool(len(wrong)) and counterexample(wrong)
        right, divisible = logits.argmax(1) == y, squares.divisible
        # CROWN costs as much as several boxes: for one place only, and halves of a grey pixel come first.
        alone = squares.single & (~divisible | (squares.whole & (x.shape[1] > 1)))
        labels = y.expand(len(squares))
        bounds, by, tried = smallest_margins(network, box, logits, labels, crown=crown & alone)
        boxes, with_crown = boxes + len(squares), with_crown + tried
        proved, final = by >= 0, ~(divisible & right)
        lowest = min([lowest, *bounds[proved].tolist()])
        method = max([method, *by.tolist()])
        left = left.joined(squares[~proved & final])
        left_bounds = torch.cat([left_bounds, bounds[~proved & final]])
        waiting = waiting.joined(squares[~proved & ~final].divided())
    # NaN, which proves nothing, counts as the loosest bound.
    order = left_bounds.nan_to_num(-torch.inf).argsort(stable=True)
    return Places(lowest, waiting.joined(left[order]), method, boxes, with_crown, broken)


def _inside(
    model: nn.Module, clean: Logits, y: Labels, box: Box, squares: Squares
) -> tuple[Logits, Images]:
    """Logits (r, K) of one image in each box, and those images that are classified wrongly.

    A box of all values holds the image itself, whose logits are `clean` (1, K); others get their centre.
    """
    logits, parts = clean.repeat(len(squares), 1), ~squares.whole
    centres = box[parts].centre.to(clean.dtype)
    if len(centres):
        logits[parts] = model(centres)
    return logits, centres[logits[parts].argmax(1) != y]
