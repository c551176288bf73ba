"""PGD: projected gradient ascent from random starts (Madry et al. 2017, arXiv 1706.06083)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch

from securemnist.attacks.active_batch import ActiveBatch, BatchState
from securemnist.attacks.base import AttackInput, NativeAttack
from securemnist.attacks.losses import (
    SampleLoss,
    cross_entropies,
    loss_and_gradient,
    margins,
)
from securemnist.attacks.validation import attack_name, check_counts, check_setting
from securemnist.batches import channels_last
from securemnist.models.predictions import is_wrong
from securemnist.types import Images, Progress

LOSSES: dict[str, SampleLoss] = {"ce": cross_entropies, "margin": margins}


@final
@dataclass(frozen=True, kw_only=True)
class PGD(NativeAttack):
    """Projected gradient ascent (Madry et al., arXiv 1706.06083).

    `steps` steps of `step_size` (default 2.5 eps / steps) from each of `restarts` random starts.

    `loss` is "ce" or "margin". A sample leaves the batch at the step that breaks it.
    """

    steps: int = 40
    restarts: int = 1
    step_size: float | None = None
    loss: str = "ce"

    def __post_init__(self) -> None:
        check_counts(steps=self.steps, restarts=self.restarts)
        check_setting(self.loss in LOSSES, "loss", f"of {', '.join(LOSSES)}", self.loss)
        size = self.step_size
        valid = size is None or (type(size) in (int, float) and 0 < size < math.inf)
        check_setting(valid, "step_size", "as a number above 0, in pixels", size)

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        x_adv = inputs.x.clone()
        survivors = torch.arange(len(x_adv), device=x_adv.device)
        for _ in range(self.restarts):
            search = _Search(self, inputs.of(survivors))
            x_adv[survivors] = search.run("PGD", progress)
            survivors = survivors[~search.broken]
            if not len(survivors):
                break
        return x_adv

    @property
    def name(self) -> str:
        return attack_name("PGD", self.steps, self.restarts)

    def passes(self) -> float:
        return (self.steps + 1) * self.restarts


class _Search(ActiveBatch[BatchState]):
    """One restart. `x_adv` holds the current iterates, also those of samples that survive."""

    def __init__(self, attack: PGD, inputs: AttackInput) -> None:
        super().__init__(inputs, rounds=1)
        self.steps, self.loss = attack.steps, LOSSES[attack.loss]
        self.step_size = attack.step_size or 2.5 * self.threat.eps / attack.steps
        self.x_adv = self.threat.random_start(self.x, self.rng)

    def start(self, indices: torch.Tensor) -> BatchState:
        return BatchState(**self.begun(indices))

    def step(self, state: BatchState) -> torch.Tensor:
        x_k = self.x_adv[state.index]
        if bool((state.age == self.steps).all()):  # after the last step no gradient is needed
            with torch.no_grad():
                self.broken[state.index] = is_wrong(self.model(channels_last(x_k)), state.label)
            return torch.zeros_like(state.age, dtype=torch.bool)
        _, gradient, logits = loss_and_gradient(self.model, x_k, state.label, self.loss)
        wrong = is_wrong(logits, state.label)
        self.broken[state.index] = wrong
        active = ~wrong & (state.age < self.steps)
        moved = x_k[active] + self.threat.step(x_k[active], gradient[active], self.step_size)
        self.x_adv[state.index[active]] = self.threat.project(state.clean[active], moved)
        state.age = state.age + 1
        return active
