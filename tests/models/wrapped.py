"""Networks with other inputs and outputs than logits of float images."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

X = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def linear(outputs: int = 10) -> nn.Module:
    """A linear network of 784 inputs."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, outputs))


class Twice(nn.Module):
    """A network that returns a tuple, a dictionary or an object."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.net, self.form = linear(), form

    def forward(self, x: torch.Tensor) -> Any:
        """Logits as the second part."""
        logits = self.net(x)
        if self.form == "object":
            return Answer(logits)
        return (x, logits) if self.form == "tuple" else {"x": x, "logits": logits}


class Answer(NamedTuple):
    """Outputs by attribute."""

    logits: torch.Tensor


class OneLogit(nn.Module):
    """One output, of shape (n,) or (n, 1)."""

    def __init__(self, flat: bool, probability: bool) -> None:
        super().__init__()
        self.net, self.flat, self.probability = linear(1), flat, probability

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output."""
        z = self.net(x)
        z = torch.sigmoid(z) if self.probability else z
        return z[:, 0] if self.flat else z


def softmaxed(outputs: int = 10) -> nn.Module:
    """A linear network that ends in softmax."""
    return nn.Sequential(linear(outputs), nn.Softmax(1))
