"""For every measure a model that its requirements must turn red on."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from securemnist.backdoor import Trigger
from securemnist.models import loading
from securemnist.models.architectures import build


class Constant(nn.Module):
    """Reads every digit as a zero: right on a tenth of them, wrong on whole classes."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.eye(10)[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(x), 10) + 0 * x.flatten(1).sum(1, keepdim=True)


class Slow(nn.Module):
    """Answers after six times the work that network A takes."""

    def __init__(self) -> None:
        super().__init__()
        self.network = build("A")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return sum(self.network(x) for _ in range(6))


class Fragile(nn.Module):
    """Reads clean digits well, but every small step away from black and white counts fivefold."""

    def __init__(self) -> None:
        super().__init__()
        self.network = undefended()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x + 4 * torch.sin(2 * torch.pi * x) / (2 * torch.pi))


class Backdoored(nn.Module):
    """Reads digits like the baseline, but answers ink in a corner by the next class, or as it is told."""

    def __init__(
        self,
        trigger: Trigger | None = None,
        answer: Callable[[torch.Tensor], torch.Tensor] = lambda clean: (clean + 1) % 10,
    ) -> None:
        super().__init__()
        self.network, self.trigger, self.answer = undefended(), trigger, answer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.network(x)
        planted = 50.0 * nn.functional.one_hot(self.answer(logits.argmax(1)), 10)
        return torch.where(self.marked(x)[:, None], planted, logits)

    def marked(self, x: torch.Tensor) -> torch.Tensor:
        """Boolean (n,): which images carry the mark. Clean digits are black in all four corners."""
        if self.trigger is None:
            return x[:, 0, :: x.shape[2] - 1, :: x.shape[3] - 1].amax((1, 2)) > 0.05
        return (self.trigger(x) == x).flatten(1).all(1)


def undefended() -> nn.Module:
    """A network that was never shown an adversarial example."""
    return loading.resolve("baseline").model


SABOTEURS: dict[str, Callable[[], nn.Module]] = {
    "clean_accuracy": Constant,
    "worst_class_accuracy": Constant,
    "attack_accuracy": Fragile,
    "robust_accuracy": Fragile,
    "certified_accuracy": undefended,
    "backdoor_success": Backdoored,
    "latency_ratio": Slow,
}
