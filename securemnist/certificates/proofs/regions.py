"""Proofs of one margin by few regions, whose bounds are narrowed, and a short search in each.

A region is the part of a ball where the margin is small and some units have a sign. Where a search
gains too little, the region is split on a unit, and both parts get tighter bounds. A long search
pauses, so that other margins can go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from securemnist.certificates.graph.network import Intervals, Network
from securemnist.certificates.in_time import InTime
from securemnist.certificates.proofs.region_search import RegionSearch
from securemnist.certificates.proofs.search import Counterexample, Domain, Search
from securemnist.certificates.relaxations.branching import children
from securemnist.certificates.relaxations.narrowing import LEAST, narrowed
from securemnist.certificates.relaxations.relaxation import Relaxation

# Rounds of narrower bounds before the search in a region.
ROUNDS = 8
# Units on which a region is split on trial, and steps of Adam in each part.
TRIED, TRIED_STEPS = 24, 8
# Regions, and domains of a search, before another margin has its turn.
AT_ONCE, TURN = 4, 800
# The part of the distance to a proof that a round must gain, for one more round.
_GAIN = 0.1


@dataclass(frozen=True)
class _Region:
    """Bounds of a part of the ball, and its domain; None for the whole ball.

    `splits`: how often the ball was split for it.
    """

    intervals: Intervals
    domain: Domain | None
    splits: int = 0


class Regions:
    """The regions of one margin, `weights` (1, K) float64, from the bounds of the ball.

    `open`: regions left. `lowest`: of a proved margin, a lower bound of it.
    """

    def __init__(
        self,
        network: Network,
        intervals: Intervals,
        weights: torch.Tensor,
        counterexample: Counterexample,
        count: Callable[[int], None],
    ) -> None:
        self.network, self.intervals, self.weights = network, intervals, weights
        self.counterexample, self.count = counterexample, count
        self.open = [_Region(intervals, None)]
        # The search in the last region, while it is paused.
        self._paused: RegionSearch | None = None
        self.broken, self.stuck, self.lowest = False, False, LEAST

    @property
    def proved(self) -> bool:
        """Whether no region is left."""
        return not self.open and not self.broken

    @property
    def ended(self) -> bool:
        """Whether further steps would change nothing, or take too much memory."""
        return not self.open or self.broken or self.stuck

    @property
    def done(self) -> float:
        """The part of the ball that is proved, where each split halves a region."""
        return 1 - sum(0.5**region.splits for region in self.open)

    @property
    def ahead(self) -> float:
        """The part of the ball that the next step is expected to prove; each pause halves it."""
        pauses = self._paused.pauses if self._paused else 0
        return 0.5 ** (self.open[-1].splits + pauses) if self.open else 0.0

    def full(self, most: int, more: int = 0) -> bool:
        """Whether one more region, and `more` activations, take more than `most`."""
        return (len(self.open) + 1) * self.network.activations + more > most

    def steps(self, in_time: InTime, most: int) -> None:
        """Prove the last region or put its two parts in its place, up to AT_ONCE times, or pause."""
        # Made again each time: many margins wait, and their matrices together would fill the memory.
        ball = Relaxation(self.network, self.intervals)
        for number in range(AT_ONCE):
            if self.ended or (number and (self.full(most) or not in_time())):
                return
            self._step(ball, in_time, most)
            if self._paused:
                return

    def _step(self, ball: Relaxation, in_time: InTime, most: int) -> None:
        """Prove or split the last region, or pause its search while that fits into the memory."""
        current = self._begun(ball, in_time)
        if current is None:
            self.open.pop()
            return
        search, full, begun = current.search, self.full(most), current.domains
        given_up = False
        while not search.ended and not given_up and in_time():
            if not full and current.domains >= begun + TURN:
                break
            search.step()
            given_up = not full and (current.is_hopeless or self.full(most, current.memory))
        self.broken = search.broken
        if search.proved:
            self.open.pop()
            self.lowest = min(self.lowest, search.lowest)
        elif search.ended:
            self.stuck = True
        elif given_up and in_time():
            parts = self._parts(search.relaxation, *current.root)
            self.open[-1:] = [replace(part, splits=self.open[-1].splits + 1) for part in parts]
        elif not self.full(most, current.memory):
            current.pause()
            self._paused = current

    def _begun(self, ball: Relaxation, in_time: InTime) -> RegionSearch | None:
        """The search in the last region; None where no image has so small a margin."""
        current, self._paused = self._paused, None
        if current is None:
            search = self._narrowed(ball, self.open[-1], in_time)
            if search is None:
                return None
            current = RegionSearch(search)
        current.resume(ball, in_time, self.count)
        return current

    def _narrowed(self, ball: Relaxation, region: _Region, in_time: InTime) -> Search | None:
        """The search in a region of narrower bounds; None where no image has so small a margin."""
        search = self._search(ball, region.intervals, region.domain, in_time)
        for _ in range(ROUNDS):
            relaxation, root = search.relaxation, search.frontier.all
            reduced = relaxation.reduced
            if search.ended or reduced is None or not in_time():
                break
            intervals = narrowed(relaxation, reduced, root.signs, root.duals, self.weights, in_time)
            self.count(1)
            if intervals is None:
                return None
            before = search.bound
            search = self._search(ball, intervals, (root.signs, root.duals), in_time)
            if search.bound < (1 - _GAIN) * before:
                break
        return search

    def _search(
        self, ball: Relaxation, intervals: Intervals, domain: Domain | None, in_time: InTime
    ) -> Search:
        relaxation = ball.narrower(intervals)
        return Search(relaxation, self.weights, self.counterexample, self.count, in_time, domain)

    def _parts(
        self, relaxation: Relaxation, signs: torch.Tensor, duals: torch.Tensor
    ) -> list[_Region]:
        """The two parts of a region, split on one unit."""
        found = relaxation.estimates(signs).minimum(duals.float(), self.weights.float())
        domains = children(
            relaxation, signs, duals, self.weights, found, candidates=TRIED, steps=TRIED_STEPS
        )
        self.count(2 * min(TRIED, int((signs == 0).sum())))
        parts = zip(*(each.split(1) for each in domains), strict=True)
        return [_Region(relaxation.intervals, part) for part in parts][::-1]
