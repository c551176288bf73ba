"""Parts of networks with powers, exponentials, quotients and choices."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Powers(nn.Module):
    """Powers, roots, exponentials and logarithms, side by side."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        positive = x.square() + 0.1
        roots = [positive.sqrt(), positive.rsqrt(), positive.reciprocal(), positive.log()]
        rising = [x.exp(), x.erf(), x.atan()]
        return torch.cat([*roots, *rising, x**2, (0.5 * x) ** 4, F.relu(x) ** 2, positive**0.5], 1)


class Quotients(nn.Module):
    """Divisions by activations: one value, sums of channels, and a number divided by each."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total = x.abs().sum(1, keepdim=True)
        softmax = x.exp() / x.exp().sum(1, keepdim=True)
        parts = [F.softsign(x), x / (total + 0.2), total / (x * x + 0.3), 0.2 / (1 + x.abs())]
        return torch.cat([*parts, softmax], 1)


class Norms(nn.Module):
    """Features of norm 1, and norms of rows, of planes and of all values."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.norm(dim=3, keepdim=True).expand_as(x)
        planes = torch.linalg.vector_norm(x, dim=(2, 3))[:, :, None, None] - x
        every = torch.linalg.vector_norm(x - 0.1, dim=(1, -2, -1), keepdim=True) * x
        return torch.cat([F.normalize(x), rows, planes, every], 1)


class Choices(nn.Module):
    """One of two values by a comparison, each of them activations or constant."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total, level = x.mean((1, 2), keepdim=True), torch.linspace(-0.1, 0.2, 3).view(-1, 1, 1)
        parts = [
            torch.where(x > 0, x, 0.1 * x),
            torch.where(x <= level, level, x - 0.3),
            torch.where(x > 0.05, total, x),
            torch.where(x < 0.1, torch.tensor(0.7), torch.tensor(-0.4)),
            F.softshrink(x, 0.1),
            F.hardshrink(x, 0.1),
        ]
        return torch.cat(parts, 1)
