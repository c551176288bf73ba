"""Branch and bound over the signs of units: a proof, a counterexample, or neither, for one sample.

A domain is split on a unit until its bound is above 0 (Bunel et al. 2020, arXiv 1909.06588). Only
bounds in float64 with all rounding errors end a domain; those in float32 choose what to split.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch

from securemnist.certificates.in_time import InTime, always
from securemnist.certificates.proofs.frontier import Frontier, Parts
from securemnist.certificates.relaxations.branching import children
from securemnist.certificates.relaxations.minimum import Minimum
from securemnist.certificates.relaxations.optimisation import optimised
from securemnist.certificates.relaxations.relaxation import Relaxation
from securemnist.certificates.relaxations.tightening import AT_ONCE

# Steps of Adam for the whole ball, for the parts of a domain, and where no unit is left to split.
ROOT_STEPS, STEPS, LEAF_STEPS = 20, 6, 300
# Multipliers take longer steps in the parts of a domain whose bound rose, and shorter ones elsewhere: the
# more signs a domain has, the shorter are the steps that raise its bound.
_FASTER, _SLOWER = 2.0, 0.7
# Domains that are split at once. An attack starts from so many minimisers of every fourth such batch.
BATCH, STARTS, EVERY = 32, 8, 4

# Whether an attack from images (s, ...), float32, finds an adversarial example.
Counterexample = Callable[[torch.Tensor], bool]
# The signs and duals of a domain.
Domain = tuple[torch.Tensor, torch.Tensor]


class Search:
    """The search for one sample. `weights` (m, K) float64: one row for each margin to be proved.

    `bounds` (m,), float64, hold in the whole ball, and `bound` is the lowest of them. `lowest`: the
    lowest bound that ended a domain; of a proved sample, a lower bound of its smallest margin.
    `stuck`: a domain without undecided units has no proof, or the ball no finite bound. `count` gets
    the number of domains of each batch. `domain`: its signs and the duals where its ascent starts, both
    (1, units); by default that of the whole ball.
    """

    def __init__(
        self,
        relaxation: Relaxation,
        weights: torch.Tensor,
        counterexample: Counterexample,
        count: Callable[[int], None] = lambda _: None,
        in_time: InTime = always,
        domain: Domain | None = None,
    ) -> None:
        self.relaxation, self.weights = relaxation, weights
        self.counterexample, self.count, self.in_time = counterexample, count, in_time
        self._batch = relaxation.network.rows_of_batch(AT_ONCE)
        self.broken, self.stuck, self.lowest = False, False, torch.inf
        self._steps = 0
        # The largest distance of a certificate below its estimate so far, which estimates have to exceed.
        self._rounding = 0.0
        margins, device = len(weights), weights.device
        known = relaxation.known_signs()
        signs, duals = domain or (torch.zeros_like(known), relaxation.first_duals())
        # A unit whose sign is shown by its bounds alone starts with a multiplier of 0.
        duals = duals.masked_fill((signs == 0) & (known != 0), 0)
        signs = torch.where(signs == 0, known, signs)
        whole = Parts(
            signs.repeat(margins, 1),
            duals.half().repeat(margins, 1),
            torch.arange(margins, device=device),
            torch.full((margins,), -torch.inf, device=device),
            torch.ones(margins, device=device),
        )
        # Slopes are optimised for the margins that need it.
        whole, self.bounds = self._bounded(whole, 0, every=True)
        parts = self._open(whole, self.bounds)
        if len(parts):
            parts, better = self._bounded(parts, ROOT_STEPS, every=True)
            self.bounds[parts.margin] = torch.fmax(self.bounds[parts.margin], better)
            parts = self._open(parts, better)
        self.bound = float(self.bounds.min())
        self.frontier = Frontier(parts)
        self.stuck = not math.isfinite(self.bound)

    @property
    def proved(self) -> bool:
        """Whether every domain of every margin has a bound above 0."""
        return not len(self.frontier) and not self.broken

    @property
    def ended(self) -> bool:
        """Whether further steps would change nothing, or take too much memory."""
        return self.broken or self.stuck or self.frontier.full or not len(self.frontier)

    def step(self) -> None:
        """Split the domains of the lowest bounds, and attack from their minimisers."""
        parts = self.frontier.lowest(min(BATCH, self._batch))
        splittable = (parts.signs == 0).any(1)
        if not bool(splittable.all()):
            self._leaves(parts[~splittable])
        parts = parts[splittable]
        if not len(parts):
            return
        found, weights = self._minimum(parts), self.weights[parts.margin]
        if self._steps % EVERY == 0:
            self._attack(found)
        self._steps += 1
        if self.broken:
            return
        signs, duals = children(self.relaxation, parts.signs, parts.duals, weights, found)
        halves = replace(parts.joined(parts), signs=signs, duals=duals)
        halves, exact = self._bounded(halves, STEPS)
        self.frontier.add(self._open(halves, exact))

    def _leaves(self, parts: Parts) -> None:
        """Bounds of domains in which the network is linear, by more steps of ascent."""
        parts, exact = self._bounded(parts, LEAF_STEPS)
        left = self._open(parts, exact)
        if len(left):
            self._attack(self._minimum(left))
            self.stuck = True
        self.frontier.add(left)

    def _minimum(self, parts: Parts) -> Minimum:
        """The minima of domains."""
        domains = self.relaxation.estimates(parts.signs)
        return domains.minimum(parts.duals.float(), self.weights[parts.margin].float())

    def _attack(self, found: Minimum) -> None:
        """The search is over where an attack from the images of these minima succeeds."""
        self.broken = self.broken or self.counterexample(found.images[:STARTS])

    def _open(self, parts: Parts, bounds: torch.Tensor) -> Parts:
        """The domains without a proof by these bounds (d,); a bound of NaN proves nothing."""
        proved = bounds > 0
        self.lowest = min([self.lowest, *bounds[proved].tolist()])
        return parts[~proved]

    def _bounded(
        self, parts: Parts, steps: int, *, every: bool = False
    ) -> tuple[Parts, torch.Tensor]:
        """The domains with better duals, and their certified bounds (d,), float64.

        Without `every`, bounds that float32 does not expect to be above 0 stay unknown, -inf.
        """
        batches = torch.arange(len(parts), device=parts.bound.device).split(self._batch)
        done = [self._bounded_batch(parts[batch], steps, every) for batch in batches]
        joined = done[0][0]
        for more, _ in done[1:]:
            joined = joined.joined(more)
        return joined, torch.cat([exact for _, exact in done])

    def _bounded_batch(self, parts: Parts, steps: int, every: bool) -> tuple[Parts, torch.Tensor]:
        weights = self.weights[parts.margin]
        duals, bounds = optimised(
            self.relaxation.estimates(parts.signs),
            parts.duals,
            weights,
            steps=steps,
            goal=self._rounding,
            pace=parts.pace[:, None],
            in_time=self.in_time,
        )
        pace = parts.pace * torch.where(bounds > parts.bound, _FASTER, _SLOWER)
        parts = replace(parts, duals=duals.half(), bound=bounds, pace=pace.clamp_max(1))
        exact = torch.full_like(bounds, -torch.inf, dtype=torch.float64)
        asked = torch.ones_like(bounds, dtype=torch.bool) if every else bounds > 0
        if bool(asked.any()):
            chosen = parts[asked]
            domains = self.relaxation.domains(chosen.signs)
            exact[asked] = domains.lower_bounds(chosen.duals.double(), weights[asked])
            lost = (chosen.bound - exact[asked]).nan_to_num(0, 0, 0)
            self._rounding = max(self._rounding, float(lost.max()))
        self.count(len(parts))
        return parts, exact
