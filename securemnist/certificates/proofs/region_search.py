"""The search in one region of a ball. It pauses and goes on, and knows when it gains too little."""

from __future__ import annotations

import math
from collections.abc import Callable

from securemnist.certificates.in_time import InTime
from securemnist.certificates.proofs.search import Search
from securemnist.certificates.relaxations.relaxation import Relaxation

# The part LEFT of the distance to a proof may be left after TRIAL domains. After LIMIT domains it is FAR,
# and less from there on: as the inverse root of the number of domains.
TRIAL, LEFT, LIMIT, FAR = 64, 0.45, 400, 0.25
# A number of a sign and of a dual, 3 bytes, in activations of 24 bytes.
_NUMBERS = 8


class RegionSearch:
    """A search that may pause. `root`: the signs and duals of the region. `domains` were bounded.

    `pauses`: how often it paused so far.
    """

    def __init__(self, search: Search) -> None:
        whole = search.frontier.all
        self.search, self.root = search, (whole.signs, whole.duals)
        self.domains, self.pauses = 0, 0

    def resume(self, ball: Relaxation, in_time: InTime, count: Callable[[int], None]) -> None:
        """Go on, with the matrices of the ball; `count` gets the number of domains of each batch."""

        def counted(more: int) -> None:
            self.domains += more
            count(more)

        if self.pauses:
            self.search.relaxation = ball.narrower(self.search.relaxation.intervals)
        self.search.in_time, self.search.count = in_time, counted

    def pause(self) -> None:
        """Give up the matrices; the open domains stay."""
        self.pauses += 1
        relaxation = self.search.relaxation
        self.search.relaxation = Relaxation(relaxation.network, relaxation.intervals)

    @property
    def memory(self) -> int:
        """The memory of the open domains, in activations with their bounds and errors."""
        return self.search.frontier.numbers // _NUMBERS

    @property
    def is_hopeless(self) -> bool:
        """Whether the lowest domain is still far from a proof, measured by the bound of the region."""
        bounds = self.search.frontier.bounds
        return len(bounds) > 0 and float(bounds.min()) < allowed(self.domains) * self.search.bound


def allowed(domains: int) -> float:
    """The part of the distance to a proof that may be left after so many domains."""
    if domains < TRIAL:
        return math.inf
    return LEFT if domains < LIMIT else FAR * math.sqrt(LIMIT / domains)
