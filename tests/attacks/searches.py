"""What the tests of the searches share: a model whose margins can be worked out, and a witness."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from securemnist.attacks.base import Attack
from securemnist.threats import Threat

DIGITS = 24


class Linear(nn.Module):
    """Logits W (x - 1/2): the distance to class t is (z_y - z_t) / dual norm of w_y - w_t."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(10, 784, generator=rng), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - 0.5).flatten(1) @ self.weight.T

    def radius(self, x: torch.Tensor, y: torch.Tensor, norm: str) -> torch.Tensor:
        """The distance of each image to the nearest other class, pixel range aside, (n,)."""
        logits, order = self(x), {"linf": 1, "l2": 2}[norm]
        lengths = (self.weight[y][:, None] - self.weight[None]).norm(order, dim=2)
        lead = logits.gather(1, y[:, None]) - logits
        return (lead / lengths.clamp_min(1e-9)).scatter(1, y[:, None], torch.inf).amin(1)


class Witness(nn.Module):
    """Another model, and what it was asked: batch sizes, and whether gradients were on."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.batches: list[int] = []
        self.gradients = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(x))
        self.gradients |= torch.is_grad_enabled() or x.requires_grad
        logits: torch.Tensor = self.model(x)
        return logits


class Stepwise(nn.Module):
    """Reads pixels through a comparison, so that there is no gradient."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([(x > k / 10).float().flatten(1).mean(1) for k in range(10)], 1)


def linear(norm: str) -> tuple[Linear, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A linear model, grey images far from the pixel range's ends, their labels and radii."""
    model = Linear()
    noise = torch.randn(DIGITS, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    x = 0.5 + 0.02 * noise
    y = model(x).argmax(1)
    return model, x, y, model.radius(x, y, norm)


def run(attack: Attack, model: Any, x: Any, y: Any, threat: Threat, seed: int = 0) -> torch.Tensor:
    """The proposals of an attack for a seed."""
    return attack.propose(model, x, y, threat=threat, rng=torch.Generator().manual_seed(seed))


def fallen(model: Any, x_adv: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Boolean (n,): which digits are read as another class."""
    with torch.no_grad():
        wrong: torch.Tensor = model(x_adv).argmax(1) != y
    return wrong
