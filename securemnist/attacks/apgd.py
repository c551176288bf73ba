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

from securemnist.attacks.base import Attack, demand
from securemnist.attacks.objectives import (
    Objective,
    ascent,
    cross_entropies,
    logit_ratios,
    nearest_classes,
    targeted_ratios,
)
from securemnist.attacks.relay import Relay, Seats, fooled
from securemnist.threats import Threat
from securemnist.types import CLASSES, Images, Labels, Model, Progress, silent

OBJECTIVES: dict[str, Objective] = {"ce": cross_entropies, "dlr": logit_ratios}
_MOMENTUM, _CLIMBING = 0.75, 0.75


@final
@dataclass(frozen=True, kw_only=True)
class APGD(Attack):
    """`steps` steps on the loss `ce` or `dlr` from each of `restarts` random starts."""

    steps: int = 100
    restarts: int = 1
    loss: str = "ce"

    def __post_init__(self) -> None:
        _demand_counts(self.steps, self.restarts)
        demand(self.loss in OBJECTIVES, "loss", f"of {', '.join(OBJECTIVES)}", self.loss)

    def __call__(
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
        climb = _Climb(model, x, y, nobody, threat, rng, self.steps, self.restarts)
        climb.objective = OBJECTIVES[self.loss]
        return climb.run(self.name, progress)

    @property
    def name(self) -> str:
        return _named(f"APGD-{self.loss.upper()}", self.steps, self.restarts)

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
        _demand_counts(self.steps, self.restarts)
        demand_targets(self.targets)

    def __call__(
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
        climb = _Climb(model, x, y, targets, threat, rng, self.steps, self.restarts)
        return climb.run(self.name, progress)

    @property
    def name(self) -> str:
        return _named("APGD-DLR-T", self.steps, self.restarts)

    def passes(self) -> float:
        return (self.steps + 1) * self.restarts * self.targets


def demand_targets(targets: object) -> None:
    """PolicyError where a number of target classes is impossible."""
    possible = type(targets) is int and 1 <= targets < CLASSES
    demand(possible, "targets", f"from 1 to {CLASSES - 1}", targets)


def checkpoints(steps: int) -> list[int]:
    """The steps after which a search looks back: 22 %, 41 %, 57 % of them, then closer and closer."""
    shares = [0.0, 0.22]
    while shares[-1] < 1:
        shares.append(shares[-1] + max(shares[-1] - shares[-2] - 0.03, 0.06))
    found = (math.ceil(share * steps - 1e-9) for share in shares[1:])
    return sorted({step for step in found if step <= steps})


def _named(kind: str, steps: int, restarts: int) -> str:
    return f"{kind}-{steps}" + (f"x{restarts}" if restarts > 1 else "")


def _demand_counts(steps: object, restarts: object) -> None:
    for setting, number in (("steps", steps), ("restarts", restarts)):
        whole = type(number) is int and number >= 1
        demand(whole, setting, "as a whole number of at least 1", number)


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


class _Climb(Relay[_Climbers]):
    """All restarts towards all `targets` (n, k); a turn is one target of one restart."""

    objective: Objective = staticmethod(targeted_ratios)

    def __init__(
        self,
        model: Model,
        x: Images,
        y: Labels,
        targets: Labels,
        threat: Threat,
        rng: torch.Generator,
        steps: int,
        restarts: int,
    ) -> None:
        super().__init__(x, y, restarts * targets.shape[1])
        self.model, self.targets, self.threat, self.rng = model, targets, threat, rng
        self.steps, self.spans = steps, _spans(steps).to(x.device)
        self.starts: dict[int, Images] = {}
