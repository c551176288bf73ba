"""APGD: projected gradient ascent that sets its own step size (Croce & Hein 2020, arXiv 2003.01690).

Momentum .75 and a first step of 2 eps. At checkpoints that come closer and closer, a digit whose
search no longer climbs (fewer than 75 % of the steps did) or has found no better point at an
unchanged step halves its step and goes back to its best point.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch

from securemnist.attacks.active_batch import Relay, Search, Seats
from securemnist.attacks.base import Attack, demand
from securemnist.attacks.losses import (
    Objective,
    ascent,
    cross_entropies,
    logit_ratios,
    nearest_classes,
    targeted_ratios,
)
from securemnist.attacks.validation import demand_counts, demand_targets, named
from securemnist.models.predictions import is_wrong
from securemnist.threats import Threat
from securemnist.types import CLASSES, Images, Labels, Model, Progress, silent

OBJECTIVES: dict[str, Objective] = {"ce": cross_entropies, "dlr": logit_ratios}
_MOMENTUM, _CLIMBING = 0.75, 0.75


@final
@dataclass(frozen=True, kw_only=True)
class APGD(Attack):
    """Projected gradient ascent that sets its own step size (Croce & Hein, arXiv 2003.01690).

    `steps` steps on the `loss` (`ce` or `dlr`) from each of `restarts` random starts.
    """

    steps: int = 100
    restarts: int = 1
    loss: str = "ce"

    def __post_init__(self) -> None:
        demand_counts(steps=self.steps, restarts=self.restarts)
        demand(self.loss in OBJECTIVES, "loss", f"of {', '.join(OBJECTIVES)}", self.loss)

    def propose(
        self,
        model: Model,
        x: Images,
        y: Labels,
        *,
        threat: Threat,
        rng: torch.Generator,
        progress: Progress = silent,
    ) -> Images:
        nobody = y[:, None]  # an untargeted objective ignores its target
        search = Search(model, x, y, threat, rng)
        return Climb(self, search, OBJECTIVES[self.loss], nobody).run(self.name, progress)

    @property
    def name(self) -> str:
        return named(f"APGD-{self.loss.upper()}", self.steps, self.restarts)

    def passes(self) -> float:
        return (self.steps + 1) * self.restarts


@final
@dataclass(frozen=True, kw_only=True)
class APGDT(Attack):
    """`steps` steps on the targeted DLR loss towards each of the `targets` nearest wrong classes."""

    steps: int = 100
    restarts: int = 1
    targets: int = CLASSES - 1

    def __post_init__(self) -> None:
        demand_counts(steps=self.steps, restarts=self.restarts)
        demand_targets(self.targets)

    def propose(
        self,
        model: Model,
        x: Images,
        y: Labels,
        *,
        threat: Threat,
        rng: torch.Generator,
        progress: Progress = silent,
    ) -> Images:
        targets = nearest_classes(model, x, y)[:, : self.targets]
        search = Search(model, x, y, threat, rng)
        return Climb(self, search, targeted_ratios, targets).run(self.name, progress)

    @property
    def name(self) -> str:
        return named("APGD-DLR-T", self.steps, self.restarts)

    def passes(self) -> float:
        return (self.steps + 1) * self.restarts * self.targets


def checkpoints(steps: int) -> list[int]:
    """The steps after which a search looks back: 22 %, 41 %, 57 % of them, then closer and closer."""
    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    found = (math.ceil(share * steps - 1e-9) for share in shares[1:])
    return sorted({step for step in found if step <= steps})


@dataclass
class _Climbers(Seats):
    """`value`s are those of the objective; `rises` and `checked` are since the last checkpoint."""

    target: Labels
    point: Images
    previous: Images
    best: Images
    best_gradient: torch.Tensor
    length: torch.Tensor
    value: torch.Tensor
    best_value: torch.Tensor
    checked: torch.Tensor
    rises: torch.Tensor
    halved: torch.Tensor


class Climb(Relay[_Climbers]):
    """A turn is one restart towards one of `targets`, int64 (n, k).

    `reached` is the highest value of the objective that any turn of a digit came to, (n,).
    """

    def __init__(
        self, attack: APGD | APGDT, search: Search, objective: Objective, targets: Labels
    ) -> None:
        super().__init__(search, attack.restarts * targets.shape[1])
        self.steps, self.objective, self.targets = attack.steps, objective, targets
        self.spans = _spans(attack.steps).to(targets.device)
        self.reached = torch.full(targets.shape[:1], -torch.inf, device=targets.device)

    def open_turn(self) -> None:
        # For all digits at once, so that a digit's start does not depend on who is still standing.
        self.starts = self.threat.random_start(self.x, self.rng)

    def enter(self, digits: torch.Tensor) -> _Climbers:
        start = self.starts[digits]
        nothing = torch.full(digits.shape, -torch.inf, device=start.device)
        return _Climbers(
            digit=digits,
            age=torch.zeros_like(digits),
            clean=self.x[digits],
            label=self.y[digits],
            target=self.targets[digits, self.turn % self.targets.shape[1]],
            point=start,
            previous=start,
            best=start,
            best_gradient=start,
            length=torch.full((len(digits), 1, 1, 1), 2.0 * self.threat.eps, device=start.device),
            value=nothing,
            best_value=nothing,
            checked=nothing,
            rises=torch.full_like(digits, -1),  # the start itself is no rise
            halved=torch.ones_like(digits, dtype=torch.bool),
        )

    def step(self, seats: _Climbers) -> torch.Tensor:
        value, gradient, logits = ascent(
            self.model, seats.point, seats.label, seats.target, self.objective
        )
        self.fall(seats, seats.point, is_wrong(logits, seats.label))
        seats.rises = seats.rises + (value > seats.value)
        better = value > seats.best_value
        seats.value, seats.best_value = value, torch.maximum(value, seats.best_value)
        self.reached.scatter_reduce_(0, seats.digit, value, "amax")
        seats.best = torch.where(_wide(better), seats.point, seats.best)
        seats.best_gradient = torch.where(_wide(better), gradient, seats.best_gradient)
        self._move(seats, self._look_back(seats, gradient))
        seats.age = seats.age + 1
        return seats.age <= self.steps

    def _look_back(self, seats: _Climbers, gradient: torch.Tensor) -> torch.Tensor:
        """At checkpoints: halve the steps that lead nowhere, and go back; the gradient to follow."""
        span = self.spans[seats.age]
        due = span > 0
        if not bool(due.any()):
            return gradient
        stuck = (seats.rises < _CLIMBING * span) | (
            ~seats.halved & (seats.best_value <= seats.checked)
        )
        back = due & stuck
        seats.length = torch.where(_wide(back), seats.length / 2, seats.length)
        seats.point = torch.where(_wide(back), seats.best, seats.point)
        seats.value = torch.where(back, seats.best_value, seats.value)
        seats.halved = torch.where(due, back, seats.halved)
        seats.checked = torch.where(due, seats.best_value, seats.checked)
        seats.rises = seats.rises.masked_fill(due, 0)
        return torch.where(_wide(back), seats.best_gradient, gradient)

    def _move(self, seats: _Climbers, gradient: torch.Tensor) -> None:
        """Three quarters of a projected step, one of the step before; the first is taken whole."""
        point, clean, project = seats.point, seats.clean, self.threat.project
        ahead = project(clean, point + seats.length * self.threat.steepest(gradient))
        share = torch.where(_wide(seats.age == 0), 1.0, _MOMENTUM)
        moved = point + share * (ahead - point) + (1 - share) * (point - seats.previous)
        seats.point, seats.previous = project(clean, moved), point


def _wide(numbers: torch.Tensor) -> torch.Tensor:
    return numbers.view(-1, 1, 1, 1)


def _spans(steps: int) -> torch.Tensor:
    """Steps since the checkpoint before, at each checkpoint; 0 elsewhere; int64 (steps + 1,)."""
    spans = torch.zeros(steps + 1, dtype=torch.long)
    found = checkpoints(steps)
    spans[found] = torch.tensor(found) - torch.tensor([0, *found[:-1]])
    return spans
