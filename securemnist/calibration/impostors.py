"""Known impostors: networks that hide their gradients or vary, and searches that stop too early.

Each is an honest network with one change, for images of any form. A limit that misses one is too high.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from securemnist.threats import Threat
from securemnist.types import Images, Logits

Make = Callable[[nn.Module, Threat, Images], nn.Module]


@dataclass(frozen=True)
class Impostor:
    """`doubts`: those that it has to raise. `make`: its network from an honest one.

    `attack`: settings of the attack that it looks robust to; the step size is a share of eps. `scale`:
    its eps as a multiple of that of the honest network.
    """

    name: str
    doubts: tuple[str, ...]
    make: Make
    attack: Mapping[str, Any] = field(default_factory=lambda: {"use": "PGD", "steps": 10})
    scale: float = 1.0

    def attack_at(self, eps: float) -> dict[str, Any]:
        """The attack for this eps."""
        share = self.attack.get("step_size")
        return {**self.attack, **({} if share is None else {"step_size": share * eps})}


class _Changed(nn.Module):
    """An honest network with one change: `answer(network, x)` gives the logits."""

    def __init__(self, network: nn.Module, answer: Callable[[nn.Module, Images], Logits]) -> None:
        super().__init__()
        self.network, self.answer = network, answer

    def forward(self, x: Images) -> Logits:
        return self.answer(self.network, x)


def _by(answer: Callable[[Any, Images], Logits]) -> Make:
    return lambda network, _threat, _images: _Changed(network, answer)


def _beside_mean(network: nn.Module, x: Images) -> Logits:
    """Logits beside the mean of the batch."""
    logits: Logits = network(x)
    return logits - 0.5 * logits.mean(0, keepdim=True)


class _Flip(torch.autograd.Function):
    """The identity, with the gradient of the mirrored image."""

    @staticmethod
    def forward(_ctx: object, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(_ctx: object, gradient: torch.Tensor) -> torch.Tensor:
        return gradient.flip(2, 3)


def _misleading(network: nn.Module, x: Images) -> Logits:
    """Honest predictions with a false gradient."""
    logits: Logits = network(_Flip.apply(x))  # type: ignore[no-untyped-call]
    return logits


class _Masked(nn.Module):
    """The clean prediction for changes of nearly eps, so that the full step of FGSM fails."""

    def __init__(self, network: nn.Module, threat: Threat, images: Images) -> None:
        super().__init__()
        self.network, self.threat, self.images = network, threat, images

    def forward(self, x: Images) -> Logits:
        nearest = self.images[torch.cdist(x.flatten(1), self.images.flatten(1)).argmin(1)]
        large = self.threat.distance(nearest, x) > 0.9 * self.threat.eps
        logits: Logits = self.network(torch.where(large[:, None, None, None], nearest, x))
        return logits


IMPOSTORS = (
    # The gradient of the cross-entropy underflows.
    Impostor("logits times 1,000", ("weak attack",), _by(lambda network, x: 1000 * network(x))),
    # Sixteen levels of brightness: rounding has a gradient of zero.
    Impostor(
        "rounded pixels",
        ("gradients", "planted examples", "large epsilon"),
        _by(lambda network, x: network((15 * x).round() / 15)),
    ),
    Impostor("false gradient", ("gradients",), _by(_misleading)),
    # Drawn anew in each call.
    Impostor(
        "noise", ("variation",), _by(lambda network, x: network(x + 0.05 * torch.randn_like(x)))
    ),
    Impostor("mean of the batch", ("batch dependence",), _by(_beside_mean)),
    Impostor(
        "rounded probabilities",
        ("probabilities",),
        _by(lambda network, x: (1000 * network(x)).softmax(1)),
    ),
    Impostor("masked full step", ("one-step masking",), _Masked, scale=2.0),
    Impostor(
        "two short steps",
        ("convergence",),
        lambda network, _threat, _images: network,
        {"use": "PGD", "steps": 2, "step_size": 0.5},
    ),
)
