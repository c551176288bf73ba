"""FAB-T: minimal perturbations by linearised decision boundaries (Croce & Hein 2019, arXiv 1907.02044).

The decision boundary to a target class is linearised at the current point. That point and the clean
image are both projected onto the plane, exactly and within the pixel range. The next iterate is a
convex combination of both projections, extrapolated by eta and biased by alpha to the clean image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.attacks.base import AttackInput, NativeAttack
from securemnist.attacks.losses import nearest_classes, target_margins
from securemnist.attacks.targeted_search import TargetedSearch, TargetedState
from securemnist.attacks.validation import attack_name, check_counts, check_targets
from securemnist.models.predictions import is_wrong
from securemnist.types import Images, Labels, Progress, per_image

# Extrapolation eta, backward step beta and the upper limit of the bias alpha, as in the paper.
_ETA, _BETA, _ALPHA_MAX = 1.05, 0.9, 0.1


@final
@dataclass(frozen=True, kw_only=True)
class FAB(NativeAttack):
    """`steps` steps towards each of the `targets` nearest wrong classes, `restarts` times.

    The first run starts at the image, later ones at random points of the ball of radius eps / 2. A
    point outside the threat set is not returned: the candidate is then the image itself.
    """

    steps: int = 100
    restarts: int = 1
    targets: int = 9
    forms: ClassVar[tuple[str, ...]] = ("ball",)

    def __post_init__(self) -> None:
        check_counts(steps=self.steps, restarts=self.restarts)
        check_targets(self.targets)

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        targets = nearest_classes(inputs, self.targets)
        return FABSearch(self.steps, self.restarts, inputs, targets).run(self.name, progress)

    @property
    def name(self) -> str:
        return attack_name("FAB-T", self.steps, self.restarts)

    def passes(self) -> float:
        return (self.steps + 1) * self.restarts * self.targets


class FABSearch(TargetedSearch[TargetedState]):
    """A round begins at `starts`; the boundary to the target class is linearised at `x_k`."""

    def __init__(self, steps: int, restarts: int, inputs: AttackInput, targets: Labels) -> None:
        super().__init__(steps, restarts, inputs, target_margins, targets)
        self.starts = self.x

    def begin_round(self) -> None:
        if self.round >= self.targets.shape[1]:
            self.starts = (self.x + self.threat.random_start(self.x, self.rng)) / 2

    def start(self, indices: torch.Tensor) -> TargetedState:
        return TargetedState(**self.begun(indices), x_k=self.starts[indices])

    def step(self, state: TargetedState) -> torch.Tensor:
        clean, x_k = state.clean, state.x_k
        f, normal, logits = self.ascent(state)
        wrong = is_wrong(logits, state.label)
        inside = self.threat.distance(clean, x_k) <= self.threat.eps
        self.record_success(state, self.threat.project(clean, x_k), wrong & inside)
        # The paper evaluates the model again after the backward step. To first order the plane is the
        # same, so it is reused: measured, as many samples break at two thirds of the passes.
        beta = per_image(torch.where(wrong, _BETA, 1.0))
        backward = clean + beta * (x_k - clean)
        f = f + (normal * (backward - x_k)).flatten(1).sum(1)
        state.x_k = self._next(backward, clean, normal, f)
        state.age = state.age + 1
        return state.age <= self.steps

    def _next(self, x_k: Images, clean: Images, normal: torch.Tensor, f: torch.Tensor) -> Images:
        """The next iterate, from the plane on which the target margin, `f` (n,) at `x_k`, is 0."""
        f_clean = f + (normal * (clean - x_k)).flatten(1).sum(1)
        delta = self.threat.to_plane(
            torch.cat([x_k, clean]), torch.cat([normal, normal]), -torch.cat([f, f_clean])
        )
        delta_k, delta_clean = delta.chunk(2)
        lengths = self.threat.distance(torch.zeros_like(delta), delta).clamp_min(1e-8)
        length_k, length_clean = per_image(lengths).chunk(2)
        alpha = (length_k / (length_k + length_clean)).clamp_max(_ALPHA_MAX)
        moved = (1 - alpha) * (x_k + _ETA * delta_k) + alpha * (clean + _ETA * delta_clean)
        return moved.clamp_(0, 1)
