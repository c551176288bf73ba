"""The open margins of one sample: searches that stop after each step, so that others can go on."""

from __future__ import annotations

import math
from collections.abc import Callable

from securemnist.certificates.in_time import InTime
from securemnist.certificates.proofs.regions import Regions
from securemnist.certificates.proofs.search import Counterexample, Search


class Margins:
    """The margins of one sample that its first bounds leave open, the lowest first.

    `lowest`: of a proved sample, a lower bound of its smallest margin. `seconds`: what its steps took, by
    the clock of who makes them.
    """

    def __init__(
        self, search: Search, counterexample: Counterexample, count: Callable[[int], None]
    ) -> None:
        self._network, self._intervals = search.relaxation.network, search.relaxation.intervals
        self._counterexample, self._count = counterexample, count
        open_ = search.frontier.all
        order = open_.bound.argsort(stable=True)
        self._weights = search.weights[open_.margin[order]]
        self.lowest, self.seconds, self._proved = search.lowest, 0.0, 0
        self._regions = self._next()

    @property
    def proved(self) -> bool:
        """Whether every margin is proved."""
        return self._proved == len(self._weights)

    @property
    def broken(self) -> bool:
        """Whether an adversarial example was found."""
        return self._regions.broken

    @property
    def ended(self) -> bool:
        """Whether further steps would change nothing."""
        return self._regions.ended

    @property
    def remaining(self) -> float:
        """An estimate of the seconds to a proof; 0 before the first step.

        Proved margins count as whole, the current one by the part of its ball that is proved. A split
        halves that part. The next step is expected to prove its region, less so after each pause.
        """
        done, ahead = self._regions.done, self._regions.ahead
        part = self._proved + done + ahead
        return self.seconds * (1 - done) / part if part else math.inf

    @property
    def order(self) -> float:
        """Seconds so far, times a logarithm of those to come: the lowest number has the next turn.

        Estimates are rough: by them alone, a sample that seems close to its proof may take all the time.
        """
        return self.seconds * math.log1p(self.remaining)

    def full(self, most: int) -> bool:
        """Whether the next step can split nothing, within `most` activations."""
        return self._regions.full(most)

    def step(self, in_time: InTime, most: int) -> None:
        """Prove a few regions of the ball, or put their parts in their place."""
        self._regions.steps(in_time, most)
        if self._regions.proved:
            self._proved += 1
            self.lowest = min(self.lowest, self._regions.lowest)
            if not self.proved:
                self._regions = self._next()

    def _next(self) -> Regions:
        weights = self._weights[self._proved : self._proved + 1]
        return Regions(self._network, self._intervals, weights, self._counterexample, self._count)
