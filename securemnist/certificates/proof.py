"""Proofs and counterexamples for samples that simpler certificates leave open, within a time budget.

Each sample gets CROWN bounds of its intermediate layers, optimised slopes, and then branch and bound.
Samples of large margins come first; each has an equal share of the time that is left. What is left after
the first bounds goes in turns to samples that had little time and seem to be near a proof.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import torch
from torch import nn

from securemnist.certificates.certificate import (
    BRANCHES,
    check_bounds,
    checked_network,
    clean_margins,
)
from securemnist.certificates.equivalence import same_logits
from securemnist.certificates.euclidean import ball_of
from securemnist.certificates.front import split, undivided
from securemnist.certificates.intervals import Box
from securemnist.certificates.margins import Margins
from securemnist.certificates.maxima import without_maxima
from securemnist.certificates.network import Network, known_bounds
from securemnist.certificates.optimisation import InTime
from securemnist.certificates.relaxation import Relaxation
from securemnist.certificates.search import Counterexample, Search
from securemnist.certificates.tightening import refined, tightened
from securemnist.errors import MeasureError
from securemnist.runtime import denormals
from securemnist.runtime.float32 import exact_float32
from securemnist.types import Images, Labels, Progress, silent

# Activations of the regions of one sample, with two bounds and an error of 8 bytes each: 120 MB. Those of
# all samples that wait, 480 MB, and of their whole balls, 120 MB.
ALONE, TOGETHER, KEPT = 5_000_000, 20_000_000, 5_000_000

# An attack on the sample of this index from images (s, ...): whether it succeeded.
Attack = Callable[[int, Images], bool]


@dataclass(frozen=True)
class Proofs:
    """What the searches found. `margins` float64 (n,): lower bounds of each sample's smallest margin.

    `proved` and `broken`, boolean (n,); a sample that is neither stays open. `domains` were bounded in
    `seconds`. `decided`, float64 (n,): seconds until a sample was proved or broken, infinity where open.
    """

    margins: torch.Tensor
    proved: torch.Tensor
    broken: torch.Tensor
    domains: int
    decided: torch.Tensor
    seconds: float


@exact_float32()
@denormals.preserved()
@torch.no_grad()
def prove(
    model: nn.Module,
    x: Images,
    y: Labels,
    *,
    eps: float,
    norm: str = "linf",
    seconds: float,
    attack: Attack = lambda _place, _starts: False,
    progress: Progress = silent,
) -> Proofs:
    """Proofs for samples `x` (n, ...) in [0, 1] of the right class `y` (n,), within `eps` in `norm`.

    `seconds` limits the time; the batch of bounds that is running then is finished. `attack` gets
    minimisers of relaxed domains as starts, and ends the search for a sample that it breaks. Errors
    as from `certify`.
    """
    if not seconds >= 0:
        raise MeasureError(f"expected seconds of 0 or more, got {seconds}; fix the call")
    if not len(y):
        none = torch.zeros_like(y, dtype=torch.bool)
        return Proofs(none.double(), none, none, 0, none.double(), 0.0)
    network = checked_network(model, x, eps)
    run = _Run(network, model, x, y, (eps, norm), attack, progress)
    with known_bounds():
        run.all(run.began + seconds)
    spent = time.perf_counter() - run.began
    return Proofs(run.margins, run.proved, run.broken, run.domains, run.decided, spent)


class _Run:
    """The state of one call of `prove`."""

    def __init__(
        self,
        network: Network,
        model: nn.Module,
        x: Images,
        y: Labels,
        within: tuple[float, str],
        attack: Attack,
        progress: Progress,
    ) -> None:
        self.x, self.y, self.within = x, y, within
        self.front = split(network) if self._ball(0).independent else undivided(network)
        self.network = without_maxima(self.front.rest, self.front.shape or x.shape[1:])
        self.attack, self.progress, self.domains = attack, progress, 0
        self.margins = torch.full((len(y),), -torch.inf, dtype=torch.float64, device=x.device)
        self.decided = torch.full_like(self.margins, torch.inf)
        self.proved = torch.zeros_like(y, dtype=torch.bool)
        self.broken = torch.zeros_like(y, dtype=torch.bool)
        parts = [
            clean_margins(same_logits(network, model, part), labels, probabilities=probabilities)
            for probabilities in [network.probabilities]
            for part, labels in zip(x.split(128), y.split(128), strict=True)
        ]
        self.clean = torch.cat(parts)
        self.began = time.perf_counter()

    def all(self, end: float) -> None:
        """First bounds of every sample, by its own margin; then turns in the order of `Margins`."""
        order = self.clean.amin(1).argsort(descending=True, stable=True).tolist()
        waiting: list[tuple[float, int, Margins]] = []
        for number, place in enumerate(order):
            left = len(order) - number
            margins = self._first(place, _share(end, left))
            # Margins that are left wait for their turn while there is memory for their regions.
            if margins is not None and (len(waiting) + 1) * self.network.activations <= KEPT:
                waiting.append((margins.order, number, margins))
            elif margins is not None:
                in_time = _until(_share(end, left))
                while not margins.ended and in_time():
                    _step(margins, in_time, ALONE)
                self._record(place, margins)
            self.progress(BRANCHES, number + 1 - len(waiting), len(order))
        heapify(waiting)
        in_time = _until(end)
        while waiting and in_time():
            _, number, margins = heappop(waiting)
            most = min(ALONE, TOGETHER // (len(waiting) + 1))
            own = _until(_share(end, len(waiting) + 1)) if margins.full(most) else in_time
            _step(margins, own, most)
            if margins.ended:
                self._record(order[number], margins)
                self.progress(BRANCHES, len(order) - len(waiting), len(order))
            else:
                heappush(waiting, (margins.order, number, margins))
        self.progress(BRANCHES, len(order), len(order))

    def _record(self, place: int, search: Search | Margins) -> None:
        """Keep what a search found."""
        self.proved[place], self.broken[place] = search.proved, search.broken
        if search.proved or search.broken:
            self.decided[place] = time.perf_counter() - self.began
        if search.proved:
            self.margins[place] = search.lowest

    def _first(self, place: int, until: float) -> Margins | None:
        """First bounds of one sample; the margins that they leave, None where nothing is left to do.

        Where passes of the network serve for estimates, all margins are searched at once, together.
        """
        in_time, half = _until(until), _until((time.perf_counter() + until) / 2)
        if not in_time():
            return None
        image = self.front.box(self._ball(place))
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

    def _ball(self, place: int) -> Box:
        return ball_of(self.x[place : place + 1], *self.within)

    def _attack(self, place: int) -> Counterexample:
        whole = self._ball(place)
        return lambda starts: self.attack(place, self.front.images(whole, starts))

    def _started(self, place: int, relaxation: Relaxation, in_time: InTime) -> Search:
        """A search with the first bounds of the whole ball."""
        label = int(self.y[place])
        eye = torch.eye(self.network.classes, dtype=torch.float64, device=self.x.device)
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


def _share(end: float, samples: int) -> float:
    """The end of one sample's equal share of the time."""
    now = time.perf_counter()
    return now + (end - now) / samples


def _until(end: float) -> InTime:
    return lambda: time.perf_counter() < end
