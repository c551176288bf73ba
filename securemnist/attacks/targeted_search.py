"""What the searches of APGD and FAB share: rounds towards target classes, and their highest losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from securemnist.attacks.active_batch import ActiveBatch, BatchState
from securemnist.attacks.base import AttackInput
from securemnist.attacks.losses import SampleLoss, loss_and_gradient
from securemnist.types import Images, Labels, Logits


@dataclass
class TargetedState(BatchState):
    """`target` int64 (n,) is the class that `loss` takes, `column` its place in the search's `targets`.

    `x_k` is the current iterate.
    """

    column: torch.Tensor
    target: Labels
    x_k: Images


S = TypeVar("S", bound=TargetedState)


class TargetedSearch(ActiveBatch[S]):
    """A round is one restart towards one column of `targets`, int64 (n, k).

    `highest_loss` float32 (n, k) is that of each sample and column within eps, over all restarts.
    """

    def __init__(
        self, steps: int, restarts: int, inputs: AttackInput, loss: SampleLoss, targets: Labels
    ) -> None:
        super().__init__(inputs, restarts * targets.shape[1])
        self.steps, self.loss, self.targets = steps, loss, targets
        self.highest_loss = torch.full(targets.shape, -torch.inf, device=targets.device)

    def begun(self, indices: torch.Tensor) -> dict[str, torch.Tensor]:
        column = self.round % self.targets.shape[1]
        return super().begun(indices) | {
            "column": torch.full_like(indices, column),
            "target": self.targets[indices, column],
        }

    def ascent(self, state: S) -> tuple[torch.Tensor, torch.Tensor, Logits]:
        """Losses (n,) at `x_k`, their gradients without NaN, and the logits (n, K)."""
        f, gradient, logits = loss_and_gradient(
            self.model, state.x_k, state.label, self.loss, state.target
        )
        return f, gradient.nan_to_num(0.0), logits

    def note_loss(self, state: S, f: torch.Tensor, rows: Any = slice(None)) -> None:
        """Keep the losses `f` (n,) of these rows where they are the highest so far."""
        places = state.index[rows], state.column[rows]
        self.highest_loss[places] = torch.maximum(self.highest_loss[places], f[rows])
