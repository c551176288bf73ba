"""Networks that write over what is read later, and the words that say why they get no certificate."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from tests.certify.networks import behind


class Overwriting(nn.Module):
    """ReLU in place on what is added afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x - 0.5
        return self.relu(y) + y


class Into(nn.Module):
    """Writes what it clamps into another tensor."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        torch.clamp(y, 0, 0.5, out=y)
        return y


class Kept(nn.Module):
    """Answers with what it has a hidden part added to in place, under its first name."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = answer = self.layer(x.flatten(1))
        logits += torch.relu(logits - 1e6)  # no digit, no corner and no noise shows it
        return answer


class Viewed(nn.Module):
    """Clamps a view of what it adds afterwards."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        z = y.view(-1, 784)
        z.clamp_(0, 0.5)
        return y


class Shifted(nn.Module):
    """Works on the caller's images."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x -= 0.5
        return x


class Powered(nn.Module):
    """Squares in place."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        y **= 2
        return y


class Bare(nn.Module):
    """ReLU in place, said without a name, on what is added afterwards."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x - 0.5
        return F.relu(y, True) + y


OVERWRITING: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "in place": (lambda: behind(Overwriting()), "in place"),
    "in place, under another name": (Kept, "in place on what is read later"),
    "in place on a view": (lambda: behind(Viewed()), "in place on what is read later"),
    "in place on images": (lambda: behind(Shifted()), "in place on images"),
    "augmented otherwise": (lambda: behind(Powered()), "known bounds, got ipow"),
    "into another": (lambda: behind(Into()), "out="),
    "in place, unnamed": (lambda: behind(Bare()), "in place"),
}
