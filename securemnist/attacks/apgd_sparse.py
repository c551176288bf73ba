"""APGD in L1 and L0, where the strongest perturbations are sparse (Croce and Hein, arXiv 2103.01208).

A step moves the values with the largest gradients, all by the same size. Their share follows the sparsity
of the best point so far. The search begins in balls of three and two times eps, and each later one starts
from the projection of the best point.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from securemnist.attacks.base import AttackInput
from securemnist.attacks.losses import SampleLoss
from securemnist.attacks.targeted_search import TargetedSearch, TargetedState
from securemnist.models.predictions import is_wrong
from securemnist.types import Images, Labels, per_image

# Multiples of eps, and the share of the steps after which the search leaves each.
_FACTORS, _ENDS = (3.0, 2.0, 1.0), (0.3, 0.6)
# Share of the values that the first steps move; later that of the best point, divided by 1.5.
_FIRST_SHARE, _SHRINK = 0.2, 1.5
# Steps between checkpoints as a share of all; a best point sparser by 5 % resets the step size.
_INTERVAL, _SPARSER = 0.04, 0.95
# The smallest step size, as a share of the first.
_SMALLEST = 0.1


@dataclass
class _State(TargetedState):
    """`share` (n,) of the values that a step moves; `changed` (n,) those of the last best point."""

    x_best: Images
    gradient_best: torch.Tensor
    step_size: torch.Tensor
    f_best: torch.Tensor
    share: torch.Tensor
    changed: torch.Tensor


class SparseAPGDSearch(TargetedSearch[_State]):
    """The search with sparse steps, in balls that shrink to eps."""

    def __init__(
        self, steps: int, restarts: int, inputs: AttackInput, loss: SampleLoss, targets: Labels
    ) -> None:
        super().__init__(steps, restarts, inputs, loss, targets)
        self.ends = [int(share * steps) for share in _ENDS]
        span = self.threat.span(self.x.shape[1:].numel())
        self.threats = [type(self.threat)(min(f * self.threat.eps, span)) for f in _FACTORS]
        self.interval = max(1, int(_INTERVAL * steps))

    def begin_round(self) -> None:
        # Drawn for all samples, so that a start does not depend on which samples survive.
        self.starts = self.x + torch.randn(self.x.shape, generator=self.rng).to(self.x.device)

    def start(self, indices: torch.Tensor) -> _State:
        begun, count = self.begun(indices), self.x.shape[1:].numel()
        x_0 = self._projected(begun["age"], begun["clean"], self.starts[indices])
        lowest = torch.full(indices.shape, -torch.inf, device=x_0.device)
        return _State(
            **begun,
            x_k=x_0,
            x_best=x_0,
            gradient_best=x_0,
            step_size=self._eps(begun["age"]),
            f_best=lowest,
            share=torch.full_like(lowest, _FIRST_SHARE),
            changed=torch.full_like(lowest, count),
        )

    def step(self, state: _State) -> torch.Tensor:
        f, gradient, logits = self.ascent(state)
        inside = self.threat.distance(state.clean, state.x_k) <= self.threat.eps
        self.record_success(state, state.x_k, is_wrong(logits, state.label) & inside)
        self.note_loss(state, f, inside)
        better = f > state.f_best
        state.f_best = torch.maximum(f, state.f_best)
        state.x_best = torch.where(per_image(better), state.x_k, state.x_best)
        state.gradient_best = torch.where(per_image(better), gradient, state.gradient_best)
        state.age = state.age + 1
        gradient = self._at_checkpoint(state, gradient)
        moved = state.x_k + self._sparse_step(state, gradient)
        shrinks = self._phase(state.age) > self._phase(state.age - 1)
        moved = torch.where(per_image(shrinks), state.x_best, moved)
        state.x_k = self._projected(state.age, state.clean, moved)
        self._begin_smaller(state, shrinks)
        return state.age <= self.steps

    def _at_checkpoint(self, state: _State, gradient: torch.Tensor) -> torch.Tensor:
        """Adapt sparsity and step size where due; the gradient of the next step."""
        due = state.age % self.interval == 0
        if not bool(due.any()):
            return gradient
        changed = self._changed(state.clean, state.x_best)
        sparser = due & (changed < _SPARSER * state.changed)
        eps = self._eps(state.age - 1)
        smaller = torch.maximum(state.step_size / _SHRINK, _SMALLEST * eps)
        size = torch.where(per_image(sparser), eps, smaller)
        state.step_size = torch.where(per_image(due), size, state.step_size)
        state.share = torch.where(due, self._share(changed), state.share)
        state.changed = torch.where(due, changed, state.changed)
        state.x_k = torch.where(per_image(sparser), state.x_best, state.x_k)
        return torch.where(per_image(sparser), state.gradient_best, gradient)

    def _begin_smaller(self, state: _State, rows: torch.Tensor) -> None:
        """Begin the search in the next, smaller ball, in the rows where boolean (n,) `rows` is true."""
        if not bool(rows.any()):
            return
        changed = self._changed(state.clean, state.x_k)
        state.share = torch.where(rows, self._share(changed), state.share)
        state.changed = torch.where(rows, changed, state.changed)
        state.step_size = torch.where(per_image(rows), self._eps(state.age), state.step_size)
        state.f_best = state.f_best.masked_fill(rows, -torch.inf)
        state.x_best = torch.where(per_image(rows), state.x_k, state.x_best)

    def _sparse_step(self, state: _State, gradient: torch.Tensor) -> torch.Tensor:
        """The values with the largest gradients, moved equally, by `step_size` together."""
        size = gradient.flatten(1).abs()
        count = (state.share * size.shape[1]).long().clamp(1, size.shape[1])
        ordered = size.topk(int(count.max()), dim=1).values
        least = ordered.gather(1, count[:, None] - 1)
        sign = gradient.flatten(1).sign() * (size >= least)
        number = sign.abs().sum(1, keepdim=True).clamp_min(1)
        return state.step_size * (sign / number).view_as(gradient)

    def _projected(self, age: torch.Tensor, clean: Images, points: Images) -> Images:
        """The points in the ball of each row's phase."""
        phase, projected = self._phase(age), points.clone()
        for number, threat in enumerate(self.threats):
            rows = phase == number
            if bool(rows.any()):
                projected[rows] = threat.project(clean[rows], points[rows])
        return projected

    def _phase(self, age: torch.Tensor) -> torch.Tensor:
        """Index (n,) of the ball at each number of steps."""
        return sum(((age >= end).long() for end in self.ends), torch.zeros_like(age))

    def _eps(self, age: torch.Tensor) -> torch.Tensor:
        sizes = torch.tensor([threat.eps for threat in self.threats], device=age.device)
        return per_image(sizes[self._phase(age)])

    @staticmethod
    def _changed(clean: Images, points: Images) -> torch.Tensor:
        """Number of changed values, float (n,)."""
        return (points != clean).flatten(1).sum(1).float()

    def _share(self, changed: torch.Tensor) -> torch.Tensor:
        return changed / self.x.shape[1:].numel() / _SHRINK
