"""Bounds of every operator that has a rule."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from securemnist.certificates.certificate import network_of
from securemnist.certificates.operators import OPERATORS
from tests.certificates.functional import CHANNELS
from tests.certificates.networks import MIDDLES, SHAPE
from tests.certificates.violations import violations


class Others(nn.Module):
    """Operations that no other network of these tests has."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [
            x.clamp(-0.3, 0.3),
            torch.clamp_min(x, -0.1),
            torch.clamp_max(x, 0.2),
            x.select(1, 0).unsqueeze(1).squeeze(1).unsqueeze(1),
            x.unsqueeze(1).unsqueeze(2).squeeze((1, 2)),
            x.detach(),
            torch.tensor(0.5) - x,
            torch.rsub(x, torch.tensor(0.25)),
            *((function(x, 0.1)).float() for function in (torch.gt, torch.ge, torch.lt, torch.le)),
            *((function(x, torch.tensor(0.1))).float() for function in (torch.gt, torch.ge)),
            *((function(x, torch.tensor(0.1))).float() for function in (torch.lt, torch.le)),
            F.max_pool2d(x, 3, 1, 1),
        ]
        return torch.cat(parts, 1)


class Everything(nn.Module):
    """All layers of these tests side by side, with softmax at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, CHANNELS, 4, stride=3, padding=1)
        middles = [make() for name, make in MIDDLES.items() if name != "relu in place"]
        self.middles = nn.ModuleList([*middles, Others()])
        self.last = nn.LazyLinear(10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        features = torch.cat([middle(x).flatten(1) for middle in self.middles], 1)
        logits: torch.Tensor = self.last(features)
        return logits


def test_operators_all_tested_with_sound_bounds() -> None:
    """A network of all operators: none is missing, and no point of the ball violates a bound."""
    torch.manual_seed(5)
    used: set[object] = set()
    last = nn.Sequential(nn.Flatten(), nn.Linear(SHAPE[1] * SHAPE[2], 10), nn.LogSoftmax(1))
    model = nn.Sequential(Everything(), nn.Softmax(1))
    for each in (last, model):
        x = torch.rand(2, *SHAPE)
        each(x)
        each.eval().requires_grad_(False)
        used |= {node.target for node in network_of(each, x).exported.graph.nodes}
    assert not {str(operator) for operator in OPERATORS if operator not in used}
    assert violations(model, 0.02, shape=SHAPE) == 0
