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


class _Scaled(nn.Module):
    """Logits times a thousand: the gradient of the cross-entropy underflows."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Images) -> Logits:
        logits: Logits = 1000 * self.network(x)
        return logits


class _Saturated(_Scaled):
    """Probabilities that are rounded to 0 and 1."""

    def forward(self, x: Images) -> Logits:
        return super().forward(x).softmax(1)


class _Rounded(_Scaled):
    """Sixteen levels of brightness: rounding has a gradient of zero."""

    def forward(self, x: Images) -> Logits:
        logits: Logits = self.network((15 * x).round() / 15)
        return logits


class _Noisy(_Scaled):
    """New noise on the pixels in each call."""

    def forward(self, x: Images) -> Logits:
        logits: Logits = self.network(x + 0.05 * torch.randn_like(x))
        return logits


class _BatchMean(_Scaled):
    """Logits beside the mean of the batch."""

    def forward(self, x: Images) -> Logits:
        logits: Logits = self.network(x)
        return logits - 0.5 * logits.mean(0, keepdim=True)


class _Flip(torch.autograd.Function):
    """The identity, with the gradient of the mirrored image."""

    @staticmethod
    def forward(_ctx: object, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(_ctx: object, gradient: torch.Tensor) -> torch.Tensor:
        return gradient.flip(2, 3)


class _Misleading(_Scaled):
    """Honest predictions with a false gradient."""

    def forward(self, x: Images) -> Logits:
        logits: Logits = self.network(_Flip.apply(x))  # type: ignore[no-untyped-call]
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


def _of(kind: Callable[[nn.Module], nn.Module]) -> Make:
    return lambda network, _threat, _images: kind(network)


IMPOSTORS = (
    Impostor("logits times 1,000", ("weak attack",), _of(_Scaled)),
    Impostor("rounded pixels", ("gradients", "planted examples", "large epsilon"), _of(_Rounded)),
    Impostor("false gradient", ("gradients",), _of(_Misleading)),
    Impostor("noise", ("variation",), _of(_Noisy)),
    Impostor("mean of the batch", ("batch dependence",), _of(_BatchMean)),
    Impostor("rounded probabilities", ("probabilities",), _of(_Saturated)),
    Impostor("masked full step", ("one-step masking",), _Masked, scale=2.0),
    Impostor(
        "two short steps",
        ("convergence",),
        lambda network, _threat, _images: network,
        {"use": "PGD", "steps": 2, "step_size": 0.5},
    ),
)
