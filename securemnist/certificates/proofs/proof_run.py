"""Turns of a search for proofs: samples of large margins first, each with an equal share of the time.

Each sample gets CROWN bounds of its intermediate layers, optimised slopes, and then branch and bound.
After the first bounds samples take turns: those first that had little time and seem near a proof.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush

import torch
from torch import nn

from securemnist.certificates.bounds.margin_bounds import BRANCHES, check_bounds, clean_margins
from securemnist.certificates.graph.equivalence import same_logits
from securemnist.certificates.graph.front import split, undivided
from securemnist.certificates.graph.maxima import without_maxima
from securemnist.certificates.graph.network import Network
from securemnist.certificates.in_time import InTime
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.proofs.margins import Margins
from securemnist.certificates.proofs.search import Counterexample, Search
from securemnist.certificates.relaxations.relaxation import Relaxation
from securemnist.certificates.relaxations.tightening import refined, tightened
from securemnist.types import Images, Labels, Progress

# Activations of the regions of one sample, with two bounds and an error of 8 bytes each: 120 MB. Those of
# all samples that wait, 480 MB, and of their whole balls, 120 MB.
ALONE, TOGETHER, KEPT = 5_000_000, 20_000_000, 5_000_000

# An attack on the sample of this index from images (s, ...): an adversarial example (...), or None.
Attack = Callable[[int, Images], torch.Tensor | None]


@dataclass(frozen=True)
class Goal:
    """What proofs are searched for: samples `x` (n, ...) of the right class `y` (n,).

    `network` is that of the `model`. `attack` starts from minimisers of relaxed domains.
    """

    network: Network
    model: nn.Module
    x: Images
    y: Labels
    attack: Attack
    progress: Progress

    def own_margins(self) -> torch.Tensor:
        """The margins (n, K) of the samples themselves, infinite at the label."""
        parts = [
            clean_margins(
                same_logits(self.network, self.model, part),
                labels,
                probabilities=self.network.probabilities,
            )
            for part, labels in zip(self.x.split(128), self.y.split(128), strict=True)
        ]
        return torch.cat(parts)

    def part(self, places: torch.Tensor, report: Callable[[int], None]) -> Goal:
        """The goal of the samples at `places` (m,); `report` gets how many of them are done."""
        return replace(
            self,
            x=self.x[places],
            y=self.y[places],
            attack=lambda place, starts: self.attack(int(places[place]), starts),
            progress=lambda _task, done, _total: report(done),
        )


class Run(ABC):
    """What is found for the samples of a goal; the tensors are those of `Proofs`."""

    def __init__(self, goal: Goal) -> None:
        self.goal, y = goal, goal.y
        self.margins = torch.full((len(y),), -torch.inf, dtype=torch.float64, device=y.device)
        self.decided = torch.full_like(self.margins, torch.inf)
        self.proved = torch.zeros_like(y, dtype=torch.bool)
        self.broken = torch.zeros_like(y, dtype=torch.bool)
        self.x_adv = goal.x.clone()
        self.domains = 0
        self.began = time.perf_counter()

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self.began

    def example(self, place: int, starts: Images) -> torch.Tensor | None:
        """An adversarial example of a sample, by an attack from these images; it is kept."""
        found = self.goal.attack(place, starts)
        if found is not None:
            self.x_adv[place] = found
        return found

    @abstractmethod
    def all(self, end: float) -> None:
        """Search proofs for all samples until the clock shows `end`."""


class ProofRun(Run):
    """The state of a search for proofs. `ball`: the ball (1, ...) of the sample of an index."""

    def __init__(self, goal: Goal, ball: Callable[[int], Box]) -> None:
        super().__init__(goal)
        self.ball, self.clean = ball, goal.own_margins()
        shape = goal.x.shape[1:]
        self.front = split(goal.network, shape) if ball(0).independent else undivided(goal.network)
        self.network = without_maxima(self.front.rest, self.front.shape or shape)

    def all(self, end: float) -> None:
        """First bounds of every sample, by its own margin; then turns in the order of `Margins`."""
        order = self.clean.amin(1).argsort(descending=True, stable=True).tolist()
        waiting: list[tuple[float, int, Margins]] = []
        for number, place in enumerate(order):
            left = len(order) - number
            margins = self._first(place, share(end, left))
            # Margins that are left wait for their turn while there is memory for their regions.
            if margins is not None and (len(waiting) + 1) * self.network.activations <= KEPT:
                waiting.append((margins.order, number, margins))
            elif margins is not None:
                in_time = until_end(share(end, left))
                while not margins.ended and in_time():
                    _step(margins, in_time, ALONE)
                self._record(place, margins)
            self.goal.progress(BRANCHES, number + 1 - len(waiting), len(order))
        heapify(waiting)
        in_time = until_end(end)
        while waiting and in_time():
            _, number, margins = heappop(waiting)
            most = min(ALONE, TOGETHER // (len(waiting) + 1))
            own = until_end(share(end, len(waiting) + 1)) if margins.full(most) else in_time
            _step(margins, own, most)
            if margins.ended:
                self._record(order[number], margins)
                self.goal.progress(BRANCHES, len(order) - len(waiting), len(order))
            else:
                heappush(waiting, (margins.order, number, margins))
        self.goal.progress(BRANCHES, len(order), len(order))

    def _record(self, place: int, search: Search | Margins) -> None:
        """Keep what a search found."""
        self.proved[place], self.broken[place] = search.proved, search.broken
        if search.proved or search.broken:
            self.decided[place] = self.spent
        if search.proved:
            self.margins[place] = search.lowest

    def _first(self, place: int, until: float) -> Margins | None:
        """First bounds of one sample; the margins that they leave, None where nothing is left to do.

        Where passes of the network serve for estimates, all margins are searched at once, together.
        """
        in_time, half = until_end(until), until_end((time.perf_counter() + until) / 2)
        if not in_time():
            return None
        image = self.front.box(self.ball(place))
        # At most half of the time is for intermediate bounds, which a large network has many of.
        relaxation = Relaxation(self.network, tightened(self.network, image, half))
        search = self._started(place, relaxation, in_time)
        if not search.ended and half():
            intervals = refined(self.network, relaxation.intervals, half)
            search = self._started(place, relaxation.narrower(intervals), in_time)
        if not search.ended and search.relaxation.reduced is not None:
            return Margins(search, self._attack(place), self._count)
        while not search.ended and in_time():
            search.step()
        self._record(place, search)
        return None

    def _attack(self, place: int) -> Counterexample:
        whole = self.ball(place)
        return lambda starts: self.example(place, self.front.images(whole, starts)) is not None

    def _started(self, place: int, relaxation: Relaxation, in_time: InTime) -> Search:
        """A search with the first bounds of the whole ball."""
        label = int(self.goal.y[place])
        eye = torch.eye(self.network.classes, dtype=torch.float64, device=self.goal.x.device)
        others = [k for k in range(self.network.classes) if k != label]
        search = Search(
            relaxation,
            eye[label] - eye[others],
            self._attack(place),
            count=self._count,
            in_time=in_time,
        )
        check_bounds(search.bounds, self.clean[place, others])
        self.margins[place] = max(float(self.margins[place]), search.bound)
        return search

    def _count(self, domains: int) -> None:
        self.domains += domains


def _step(margins: Margins, in_time: InTime, most: int) -> None:
    began = time.perf_counter()
    margins.step(in_time, most)
    margins.seconds += time.perf_counter() - began


def share(end: float, samples: int) -> float:
    """The end of one sample's equal share of the time."""
    now = time.perf_counter()
    return now + (end - now) / samples


def until_end(end: float) -> InTime:
    return lambda: time.perf_counter() < end
