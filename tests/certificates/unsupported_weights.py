"""Networks whose weights or buffers have no certificate."""

from __future__ import annotations

import torch
from torch import nn

from tests.certificates.networks import behind


class Weighing(nn.Parameter):
    """A tensor of a type of its own."""


def weighing() -> nn.Module:
    """A layer whose weight is a tensor subclass."""
    model = behind(nn.ReLU())
    model[2].weight = torch.Tensor._make_subclass(Weighing, torch.rand(10, 784))  # type: ignore[index]
    return model


class Uncopied(nn.Module):
    """A model that cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)
        self.kept = self.layer.weight * 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.flatten(1))


def watched() -> nn.Module:
    """A network with a hook that returns class 0 wherever no pixel is black."""
    model = behind(nn.ReLU())

    def watch(_model: nn.Module, given: tuple[torch.Tensor], out: torch.Tensor) -> torch.Tensor:
        bright = given[0].flatten(1).amin(1) > 0.001
        return torch.where(bright[:, None], torch.eye(10)[0] * 100, out)

    model.register_forward_hook(watch)
    return model


class Unwritten(nn.Module):
    """Adds memory that nothing has been written to."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 0 * torch.empty(1)


class UnwrittenIntegers(nn.Module):
    """The same with integers, which have no NaN."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 0 * torch.empty(1, dtype=torch.long)
