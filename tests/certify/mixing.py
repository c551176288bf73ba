"""Networks in which the digits of a batch look at each other, and the words that say so."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from tests.certify.networks import behind


class Brightest(nn.Module):
    """Takes a number off that looks like a constant, but is the batch's largest."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - torch.aminmax(x)[1]


class Mixed(nn.Module):
    """Lets digits of a batch look at each other."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.flatten().sum()


class Growing(nn.Module):
    """Pools over as many pixels as there are images."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(x, x.size(0))


class Doubled(nn.Module):
    """Puts the digits behind each other."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, x])[: x.size(0)]


class Rolled(nn.Module):
    """Gives each digit its neighbour's activations, and the first one none."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pad(x, (0, 0, 0, 0, 0, 0, 1, -1))


MIXING: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "tuple": (lambda: behind(Brightest()), "aminmax"),
    "batch": (lambda: behind(Mixed()), "of each digit"),
    "pool of the batch": (lambda: behind(Growing()), "expected"),
    "joined with an image": (
        lambda: nn.Sequential(Doubled(), nn.Flatten(), nn.LazyLinear(10)),
        "of each digit",
    ),
    "another digit": (lambda: behind(Rolled()), "of each digit"),
}
