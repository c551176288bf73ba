"""Models with margins or gradients known in closed form, and one run of an attack."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import nn

from securemnist.attacks.base import Attack
from securemnist.threats import Threat
from tests.threats.norms import dual_order

SAMPLES = 24


@final
class TwoClass(nn.Module):
    """A linear model: class 1 where w.(x - 1/2) > 0, else class 0; other logits are about -1e6."""

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
    """Random weights of a two-class model, none of them near zero, (784,)."""
    noise = torch.randn(784, generator=torch.Generator().manual_seed(1_000 + seed))
    return noise + 0.1 * noise.sign()


class Linear(nn.Module):
    """Logits W (x - 1/2): the distance to class t is (z_y - z_t) / dual norm of w_y - w_t."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(torch.randn(10, 784, generator=rng), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - 0.5).flatten(1) @ self.weight.T

    def radius(self, x: torch.Tensor, y: torch.Tensor, norm: str) -> torch.Tensor:
        """The distance of each image to the nearest other class, without pixel range, (n,)."""
        logits, order = self(x), dual_order(norm)
        dual_norms = (self.weight[y][:, None] - self.weight[None]).norm(order, dim=2)
        margins = logits.gather(1, y[:, None]) - logits
        return (margins / dual_norms.clamp_min(1e-9)).scatter(1, y[:, None], torch.inf).amin(1)


class Recorder(nn.Module):
    """Another model, with a record of batch sizes and of whether gradients were enabled."""

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


class WithoutGradient(nn.Module):
    """A model that reads pixels through comparisons, so that no gradient reaches them."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([(x > k / 10).float().flatten(1).mean(1) for k in range(10)], 1)


class Rounded(nn.Module):
    """Another model, by probabilities of 3 decimals; `least_margin` says so, as that of an endpoint."""

    def __init__(self, model: nn.Module, *, said: bool = True) -> None:
        super().__init__()
        self.model, self.least = model, 0.0005
        if said:
            self.least_margin = math.log(self.least)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(x)
        return logits.double().softmax(1).mul(1000).round().div(1000).clamp_min(self.least).log()


def linear(norm: str = "linf") -> tuple[Linear, torch.Tensor, torch.Tensor, torch.Tensor]:
    """A linear model, 24 images near mid-grey, their predicted classes and radii."""
    model = Linear()
    noise = torch.randn(SAMPLES, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    x = 0.5 + 0.02 * noise
    y = model(x).argmax(1)
    return model, x, y, model.radius(x, y, norm)


def run(attack: Attack, model: Any, x: Any, y: Any, threat: Threat, seed: int = 0) -> torch.Tensor:
    """The candidates of an attack for a seed."""
    return attack.propose(model, x, y, threat=threat, rng=torch.Generator().manual_seed(seed))


def misclassified(model: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Boolean (n,): which images are not predicted as their label."""
    with torch.no_grad():
        wrong: torch.Tensor = model(x).argmax(1) != y
    return wrong


def broken(
    attack: Attack, model: Any, x: torch.Tensor, y: torch.Tensor, threat: Threat
) -> torch.Tensor:
    """Boolean (n,): which images are misclassified as the attack changes them."""
    return misclassified(model, run(attack, model, x, y, threat), y)
