"""The search of APGD for norms with dense steps (arXiv 2003.01690, section 3)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch

from securemnist.attacks.targeted_search import TargetedSearch, TargetedState
from securemnist.models.predictions import is_wrong
from securemnist.types import Images, per_image

_ALPHA, _RHO = 0.75, 0.75


def checkpoints(steps: int) -> list[int]:
    """The checkpoints w_j of section 3 in ascending order: 22 %, 41 %, 57 % of the steps, and so on."""
    p = [0.0, 0.22]
    while p[-1] < 1:
        p.append(p[-1] + max(p[-1] - p[-2] - 0.03, 0.06))
    w = (math.ceil(p_j * steps - 1e-9) for p_j in p[1:])
    return sorted({step for step in w if step <= steps})


@dataclass
class _State(TargetedState):
    """`f` is the loss at `x_k`, `f_best` at `x_best`.

    `f_checkpoint` is `f_best` at the last checkpoint. `increases` counts steps that increased the loss
    since then; `halved`: whether the step size was halved there.
    """

    x_previous: Images
    x_best: Images
    gradient_best: torch.Tensor
    step_size: torch.Tensor
    f: torch.Tensor
    f_best: torch.Tensor
    f_checkpoint: torch.Tensor
    increases: torch.Tensor
    halved: torch.Tensor


class APGDSearch(TargetedSearch[_State]):
    """The search with momentum, and a step size that is halved at checkpoints."""

    @cached_property
    def intervals(self) -> torch.Tensor:
        """At each checkpoint the number of steps since the previous one, else 0; int64 (steps + 1,)."""
        intervals = torch.zeros(self.steps + 1, dtype=torch.long)
        w = checkpoints(self.steps)
        intervals[w] = torch.tensor(w) - torch.tensor([0, *w[:-1]])
        return intervals.to(self.x.device)

    def begin_round(self) -> None:
        # Drawn for all samples, so that a start does not depend on which samples survive.
        self.starts = self.threat.random_start(self.x, self.rng)

    def start(self, indices: torch.Tensor) -> _State:
        x_0 = self.starts[indices]
        lowest = torch.full(indices.shape, -torch.inf, device=x_0.device)
        return _State(
            **self.begun(indices),
            x_k=x_0,
            x_previous=x_0,
            x_best=x_0,
            gradient_best=x_0,
            step_size=torch.full((len(indices), 1, 1, 1), 2.0 * self.threat.eps, device=x_0.device),
            f=lowest,
            f_best=lowest,
            f_checkpoint=lowest,
            increases=torch.full_like(indices, -1),  # the first loss is not an increase
            halved=torch.ones_like(indices, dtype=torch.bool),
        )

    def step(self, state: _State) -> torch.Tensor:
        f, gradient, logits = self.ascent(state)
        self.record_success(state, state.x_k, is_wrong(logits, state.label))
        state.increases = state.increases + (f > state.f)
        better = f > state.f_best
        state.f, state.f_best = f, torch.maximum(f, state.f_best)
        self.note_loss(state, f)
        state.x_best = torch.where(per_image(better), state.x_k, state.x_best)
        state.gradient_best = torch.where(per_image(better), gradient, state.gradient_best)
        self._move(state, self._at_checkpoint(state, gradient))
        state.age = state.age + 1
        return state.age <= self.steps

    def _at_checkpoint(self, state: _State, gradient: torch.Tensor) -> torch.Tensor:
        """Halve step sizes and return to best points where due; the gradient of the next step."""
        interval = self.intervals[state.age]
        due = interval > 0
        if not bool(due.any()):
            return gradient
        stalled = (state.increases < _RHO * interval) | (
            ~state.halved & (state.f_best <= state.f_checkpoint)
        )
        halve = due & stalled
        state.step_size = torch.where(per_image(halve), state.step_size / 2, state.step_size)
        state.x_k = torch.where(per_image(halve), state.x_best, state.x_k)
        state.f = torch.where(halve, state.f_best, state.f)
        state.halved = torch.where(due, halve, state.halved)
        state.f_checkpoint = torch.where(due, state.f_best, state.f_checkpoint)
        state.increases = state.increases.masked_fill(due, 0)
        return torch.where(per_image(halve), state.gradient_best, gradient)

    def _move(self, state: _State, gradient: torch.Tensor) -> None:
        """The update with momentum of section 3; the first step has none."""
        x_k, clean, project = state.x_k, state.clean, self.threat.project
        z = project(clean, x_k + state.step_size * self.threat.steepest(gradient))
        alpha = torch.where(per_image(state.age == 0), 1.0, _ALPHA)
        moved = x_k + alpha * (z - x_k) + (1 - alpha) * (x_k - state.x_previous)
        state.x_k, state.x_previous = project(clean, moved), x_k
