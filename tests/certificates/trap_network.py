"""A network that changes its answer at one image of the ball, by a spring."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

LOW = -100.0


class Trap(nn.Module):
    """Classifies all images as 0; `spring` makes a change of that logit of the hidden part (n, 1)."""

    def __init__(self, spring: Callable[[Trap, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.spring = spring
        self.first, self.last = nn.Linear(784, 1), nn.Linear(1, 10)
        self.w = nn.Parameter(torch.ones(1))
        self.register_buffer("b", torch.ones(1))
        self.leaky, self.padded = nn.LeakyReLU(0.0), nn.ZeroPad2d((1, 0, 0, 0))
        self.soft, self.norm = nn.Softplus(), nn.BatchNorm1d(1)
        eye = torch.eye(784)[:1]
        for layer, weight in ((self.first, eye), (self.last, torch.eye(10)[:, :1])):
            layer.weight.data = weight.clone()
        self.first.bias.data.fill_(-0.55)
        self.last.bias.data = 5 * torch.eye(10)[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(1 - 50 * torch.abs(self.first(x.flatten(1))))
        logits: torch.Tensor = self.last(self.spring(self, hidden))
        return logits
