"""PGD that never turns back, for outputs that mislead with true gradients.

An output that is a function of the margin has a gradient parallel to that of the margin, but its sign may
be wrong: the confidence grows towards an error, falls behind it, or rises and falls in waves. The reverse
sigmoid (Lee et al. 2018, arXiv 1806.00054) and AAA (Chen et al. 2022, arXiv 2205.12134) make such
outputs, and leave the classes as they are. A search that climbs the loss stops at the first top. So this
one takes the sign of a gradient from the way that it has come, and begins each way once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch

from securemnist.attacks.base import AttackInput, NativeAttack
from securemnist.attacks.losses import nearest_classes, target_margins
from securemnist.attacks.targeted_search import TargetedSearch, TargetedState
from securemnist.attacks.validation import attack_name, check_counts, check_targets
from securemnist.models.predictions import is_wrong
from securemnist.types import Images, Progress, per_image

# Step size in units of eps over the number of steps, as in PGD.
_REACH = 2.5


@final
@dataclass(frozen=True, kw_only=True)
class OnwardPGD(NativeAttack):
    """Projected gradient steps towards a class and away from it, each without turning back.

    `steps` steps on the margin of each of the `targets` nearest wrong classes, once along the first
    gradient and once against it. Later gradients count with the sign that goes on in the same direction.
    """

    steps: int = 10
    targets: int = 9

    def __post_init__(self) -> None:
        check_counts(steps=self.steps)
        check_targets(self.targets)

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        return _Search(self.steps, inputs, self.targets).run(self.name, progress)

    @property
    def name(self) -> str:
        return attack_name("OnwardPGD", self.steps, 1)

    def passes(self) -> float:
        return 2 * (self.steps + 1) * self.targets


@dataclass
class _State(TargetedState):
    """`way` is the sum of the directions so far, shaped like `x_k`; `first`, 1 or -1, the first sign."""

    way: torch.Tensor
    first: torch.Tensor


class _Search(TargetedSearch[_State]):
    """All targets along the gradient, then all against it."""

    def __init__(self, steps: int, inputs: AttackInput, targets: int) -> None:
        super().__init__(steps, 2, inputs, target_margins, nearest_classes(inputs, targets))
        self.step_size = _REACH * self.threat.eps / steps

    def begin_round(self) -> None:
        self.starts = self.threat.random_start(self.x, self.rng)

    def start(self, indices: torch.Tensor) -> _State:
        x_0 = self.starts[indices]
        sign = 1.0 if self.round < self.targets.shape[1] else -1.0
        return _State(
            **self.begun(indices),
            x_k=x_0,
            way=torch.zeros_like(x_0),
            first=torch.full((len(indices),), sign, device=x_0.device),
        )

    def step(self, state: _State) -> torch.Tensor:
        _, gradient, logits = self.ascent(state)
        self.record_success(state, state.x_k, is_wrong(logits, state.label))
        ahead = _onward(gradient, state)
        state.way = state.way + ahead
        moved = state.x_k + self.threat.step(state.x_k, ahead, self.step_size)
        state.x_k = self.threat.project(state.clean, moved)
        state.age = state.age + 1
        return state.age <= self.steps


def _onward(gradient: torch.Tensor, state: _State) -> torch.Tensor:
    """The gradient, of largest entry 1, with the sign of the way; the way itself where it is zero."""
    peak = gradient.flatten(1).abs().amax(1)
    unit = gradient / per_image(peak.clamp_min(torch.finfo(peak.dtype).tiny))
    along = (unit * state.way).flatten(1).sum(1)
    sign = torch.where(state.age == 0, state.first, torch.where(along < 0, -1.0, 1.0))
    return torch.where(per_image(peak > 0), per_image(sign) * unit, state.way)
