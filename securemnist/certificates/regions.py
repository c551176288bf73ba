"""Proofs of one margin by few regions, whose bounds are narrowed, and a short search in each.

A region is the part of a ball where the margin is small and some units have a sign. Where a search of
LIMIT domains leaves it open, it is split on a unit, and both parts get tighter bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from securemnist.certificates.branching import children, ranked
from securemnist.certificates.layers import Layer
from securemnist.certificates.narrowing import LEAST, narrowed
from securemnist.certificates.network import Intervals
from securemnist.certificates.optimisation import InTime
from securemnist.certificates.relaxation import Relaxation
from securemnist.certificates.search import Counterexample, Search

# Domains of the search in a region, and rounds of narrower bounds before it.
LIMIT, ROUNDS = 400, 3
# Activations of all regions, with two bounds and an error of 8 bytes each: 120 MB.
MOST = 5_000_000
# The part of the distance to a proof that a round must gain, for one more round.
_GAIN = 0.1


@dataclass(frozen=True)
class _Region:
    """Bounds of a part of the ball, and the signs of its units, int8 by the index of their layer."""

    intervals: Intervals
    signs: Mapping[int, torch.Tensor]


class Regions:
    """The regions of one margin, `weights` (1, K) float64, from the relaxation of the ball.

    `open`: regions left. `lowest`: of a proved margin, a lower bound of it.
    """

    def __init__(
        self,
        relaxation: Relaxation,
        weights: torch.Tensor,
        counterexample: Counterexample,
        count: Callable[[int], None],
        in_time: InTime,
    ) -> None:
        self.network, self.weights, self.in_time = relaxation.network, weights, in_time
        self.counterexample, self.count = counterexample, count
        self.open = [_Region(relaxation.intervals, {})]
        self.broken, self.stuck, self.lowest = False, False, LEAST

    @property
    def proved(self) -> bool:
        """Whether no region is left."""
        return not self.open and not self.broken

    @property
    def ended(self) -> bool:
        """Whether further steps would change nothing, or take too much memory."""
        return not self.open or self.broken or self.stuck

    def step(self) -> None:
        """Prove the last region, or put its two parts in its place."""
        search = self._narrowed(self.open[-1])
        if search is None:
            self.open.pop()
            return
        domains = 0

        def count(more: int) -> None:
            nonlocal domains
            domains += more
            self.count(more)

        search.count = count
        root = search.frontier.all
        full = (len(self.open) + 1) * self.network.activations > MOST
        while not search.ended and (full or domains < LIMIT) and self.in_time():
            search.step()
        self.broken = search.broken
        if search.proved:
            self.open.pop()
            self.lowest = min(self.lowest, search.lowest)
        elif search.ended:
            self.stuck = True
        elif self.in_time():
            self.open[-1:] = self._parts(search.relaxation, root.signs, root.duals)

    def _narrowed(self, region: _Region) -> Search | None:
        """The search in a region of narrower bounds; None where no image has so small a margin."""
        search = self._search(region)
        for _ in range(ROUNDS):
            relaxation, root = search.relaxation, search.frontier.all
            small = relaxation.small
            if search.ended or small is None or not self.in_time():
                break
            intervals = narrowed(
                relaxation, small, root.signs, root.duals, self.weights, self.in_time
            )
            self.count(1)
            if intervals is None:
                return None
            before, search = search.bound, self._search(_Region(intervals, region.signs))
            if search.bound < (1 - _GAIN) * before:
                break
        return search

    def _search(self, region: _Region) -> Search:
        relaxation = Relaxation(self.network, region.intervals)
        return Search(
            relaxation,
            self.weights,
            self.counterexample,
            self.count,
            self.in_time,
            signs=_gathered(relaxation.layers, region.signs),
        )

    def _parts(
        self, relaxation: Relaxation, signs: torch.Tensor, duals: torch.Tensor
    ) -> list[_Region]:
        """The two parts of a region, split on one unit."""
        found = relaxation.estimates(signs).minimum(duals.float(), self.weights.float())
        ranks = ranked(relaxation, signs, duals, found)
        both, _ = children(relaxation, signs, duals, self.weights, ranks)
        return [
            _Region(relaxation.intervals, _scattered(relaxation, part)) for part in both.flip(0)
        ]


def _gathered(layers: list[Layer], signs: Mapping[int, torch.Tensor]) -> torch.Tensor | None:
    """The signs (1, units) of the undecided units; None where none has a sign."""
    if not signs:
        return None
    return torch.cat([signs[layer.source][layer.units] for layer in layers])[None]


def _scattered(relaxation: Relaxation, signs: torch.Tensor) -> dict[int, torch.Tensor]:
    """Signs (units,) by the index of the layer, for all its units."""
    dense = {}
    for layer in relaxation.layers:
        size = relaxation.intervals.boxes[layer.source].lower.numel()
        zeros = torch.zeros(size, dtype=signs.dtype, device=signs.device)
        dense[layer.source] = zeros.index_copy(0, layer.units, signs[layer.columns])
    return dense
