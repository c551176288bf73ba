"""For every measure a model that its requirements must turn red on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from securemnist import subjects
from securemnist.models import build


class Constant(nn.Module):
    """Reads every digit as a zero: right on a tenth of them, wrong on whole classes."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.eye(10)[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(x), 10) + 0 * x.flatten(1).sum(1, keepdim=True)


class Slow(nn.Module):
    """Answers after five times the work that network A takes."""

    def __init__(self) -> None:
        super().__init__()
        self.network = build("A")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return sum(self.network(x) for _ in range(5))


def undefended() -> nn.Module:
    """A network that was never shown an adversarial example."""
    return subjects.resolve("baseline").model


SABOTEURS: dict[str, Callable[[], nn.Module]] = {
    "clean_accuracy": Constant,
    "worst_class_accuracy": Constant,
    "attack_accuracy": undefended,
    "robust_accuracy": undefended,
    "latency_ratio": Slow,
}
