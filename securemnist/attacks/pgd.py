"""PGD: projected gradient ascent from random starts (Madry et al. 2017, arXiv 1706.06083)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from securemnist.attacks.base import BATCH, LOSSES, Attack, channels_last, demand, gradient
from securemnist.models.predictions import is_wrong
from securemnist.threats import Threat
from securemnist.types import Images, Labels, Model, Progress, silent


@final
@dataclass(frozen=True, kw_only=True)
class PGD(Attack):
    """Projected gradient ascent (Madry et al., arXiv 1706.06083).

    `steps` steepest steps of `step_size` (default 2.5 eps / steps) from each of `restarts` random starts,
    on the `loss`: `ce` (cross-entropy) or `margin`.

    A digit leaves at the step at which it falls, and an open one takes its place: batches stay full
    and a fallen digit costs nothing more.
    """

    steps: int = 40
    restarts: int = 1
    step_size: float | None = None
    loss: str = "ce"

    def __post_init__(self) -> None:
        for setting in ("steps", "restarts"):
            number = getattr(self, setting)
            whole = type(number) is int and number >= 1
            demand(whole, setting, "as a whole number of at least 1", number)
        demand(self.loss in LOSSES, "loss", f"of {', '.join(LOSSES)}", self.loss)
        size = self.step_size
        possible = size is None or (type(size) in (int, float) and 0 < size <= 28)
        demand(possible, "step_size", "as a number above 0, in pixels", size)

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
        proposals = x.clone()
        open_digits = torch.arange(len(x), device=x.device)
        for _ in range(self.restarts):
            starts = threat.random_start(x[open_digits], rng)
            run = _Run(self, model, x[open_digits], y[open_digits], starts, threat)
            ends, fallen = run.finish(progress)
            proposals[open_digits] = ends
            open_digits = open_digits[~fallen]
            if not len(open_digits):
                break
        return proposals

    @property
    def name(self) -> str:
        return f"PGD-{self.steps}" + (f"x{self.restarts}" if self.restarts > 1 else "")

    def passes(self) -> float:
        return (self.steps + 1) * self.restarts


class _Run:
    """One restart over many digits: a batch whose places are refilled as digits leave it."""

    def __init__(
        self, attack: PGD, model: Model, x: Images, y: Labels, starts: Images, threat: Threat
    ) -> None:
        self.model, self.x, self.y, self.threat = model, x, y, threat
        self.steps, self.loss = attack.steps, LOSSES[attack.loss]
        self.step_size = attack.step_size or 2.5 * threat.eps / attack.steps
        self.ends = starts
        self.fallen = torch.zeros(len(x), dtype=torch.bool, device=x.device)

    def finish(self, progress: Progress) -> tuple[Images, torch.Tensor]:
        """Run every digit to its fall or its last step; returns end points and who fell."""
        total, waiting = len(self.x), 0
        places = torch.empty(0, dtype=torch.long, device=self.x.device)
        ages = torch.empty(0, dtype=torch.long, device=self.x.device)
        while True:
            fresh = min(BATCH - len(places), total - waiting)
            if fresh > 0:
                newcomers = torch.arange(waiting, waiting + fresh, device=self.x.device)
                places = torch.cat([places, newcomers])
                ages = torch.cat([ages, torch.zeros_like(newcomers)])
                waiting += fresh
            if not len(places):
                return self.ends, self.fallen
            stay = self._step(places, ages)
            places, ages = places[stay], ages[stay] + 1
            progress("PGD", waiting - len(places), total)

    def _step(self, places: torch.Tensor, ages: torch.Tensor) -> torch.Tensor:
        """Judge the current points and move the open ones; returns which places stay taken."""
        current, y = self.ends[places], self.y[places]
        if bool((ages == self.steps).all()):
            with torch.no_grad():
                self.fallen[places] = is_wrong(self.model(channels_last(current)), y)
            return torch.zeros_like(ages, dtype=torch.bool)
        grad, logits = gradient(self.model, channels_last(current), y, self.loss)
        fell = is_wrong(logits, y)
        self.fallen[places] = fell
        stay = ~fell & (ages < self.steps)
        movers = places[stay]
        moved = current[stay] + self.step_size * self.threat.steepest(grad[stay])
        self.ends[movers] = self.threat.project(self.x[movers], moved)
        return stay
