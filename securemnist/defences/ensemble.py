"""Ensembles as a defence: the mean of the logits of several models, or their vote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
import torch.nn.functional as F
from torch import nn

from securemnist.defences.base import Defence, Defended, check
from securemnist.models import loading
from securemnist.types import Images, Logits

COMBINATIONS = ("mean", "vote")
MOST = 16


@final
@dataclass(frozen=True, kw_only=True)
class Ensemble(Defence):
    """The model with the models `others`, by their names or files: "mean" of the logits, or "vote".

    `others`: reference models or weight files; in one string they are separated by "+". A vote counts
    classes; a tie of the true class counts as wrong.
    """

    use: ClassVar[str] = "ensemble"
    others: Sequence[str] | str
    combine: str = "mean"

    def __post_init__(self) -> None:
        names = self.names
        valid = 1 <= len(names) <= MOST and all(isinstance(n, str) and n for n in names)
        check(valid, "others", f"as 1 to {MOST} names of models", self.others)
        check(
            self.combine in COMBINATIONS, "combine", f"of {', '.join(COMBINATIONS)}", self.combine
        )
        for name in names:
            code = ":" in name or name.endswith(".toml")
            check(not code, "others", "as reference models or weight files", name)

    @property
    def names(self) -> tuple[str, ...]:
        others = self.others
        return tuple(others.split("+")) if isinstance(others, str) else tuple(others)

    def wrap(self, model: nn.Module) -> nn.Module:
        return _Combined(model, self)


class _Combined(Defended):
    defence: Ensemble

    def __init__(self, model: nn.Module, defence: Ensemble) -> None:
        super().__init__(model, defence)
        device = next((str(p.device) for p in model.parameters()), "cpu")
        others = [loading.resolve(name, device=device).model for name in defence.names]
        self.others = nn.ModuleList(others)

    def forward(self, x: Images) -> Logits:
        answers = [network(x) for network in (self.model, *self.others)]
        if self.defence.combine == "mean":
            # Additions, whose bounds are known: a mean of certified networks has certificates.
            total = answers[0]
            for answer in answers[1:]:
                total = total + answer
            mean: Logits = total / len(answers)
            return mean
        together = torch.stack(answers)
        votes = F.one_hot(together.argmax(2), together.shape[2]).sum(0)
        return votes.to(together.dtype)
