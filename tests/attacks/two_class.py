"""A linear model of two classes, and a run of an attack on it."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import nn

from securemnist.attacks.base import Attack
from securemnist.threats import Threat


@final
class TwoClass(nn.Module):
    """A linear model: class 1 where w.(x - 1/2) > 0, else class 0; the others are far below."""

    def __init__(self, weight: torch.Tensor, scale: float = 1.0) -> None:
        super().__init__()
        self.weight, self.scale = weight.flatten(), scale

    def score(self, x: torch.Tensor) -> torch.Tensor:
        """w.(x - 1/2), (n,)."""
        return ((x - 0.5).flatten(1) * self.weight).sum(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = self.scale * self.score(x)
        low = (-1e6 + 0 * score)[:, None].expand(-1, 8)
        return torch.cat([-score[:, None], score[:, None], low], 1)


def weight(seed: int = 0) -> torch.Tensor:
    """Random weights of a linear model, none of them near zero."""
    noise = torch.randn(784, generator=torch.Generator().manual_seed(1_000 + seed))
    return noise + 0.1 * noise.sign()


def run(attack: Attack, model: Any, x: Any, y: Any, threat: Threat, seed: int = 0) -> torch.Tensor:
    """The proposals of an attack for a seed."""
    return attack.propose(model, x, y, threat=threat, rng=torch.Generator().manual_seed(seed))
