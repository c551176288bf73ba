"""Models that only look robust, each by one method, around an honest network."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn


class Around(nn.Module):
    """Base class of a wrapper around a network."""

    def __init__(self, network: nn.Module, seed: int = 0) -> None:
        super().__init__()
        self.network, self.seed = network, seed


class Sharpened(Around):
    """Logits times a thousand: the gradient of the cross-entropy underflows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 1000 * self.network(x)


class Rounded(Around):
    """Four levels of grey; rounding has a gradient of zero."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network((3 * x).round() / 3)


class Thresholded(Around):
    """Black and white; a comparison has no gradient."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network((x > 0.5).float())


class Reversed(Around):
    """A wave on the grey levels: at black and white pixels the gradient has the opposite sign."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        waves = 4 * math.pi
        return self.network(x - 1.5 * torch.sin(waves * x) / waves)


class Noisy(Around):
    """New noise on the pixels in each call."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x + 0.1 * torch.randn_like(x))


class Dropping(Around):
    """Dropout that stays active in eval mode."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(F.dropout(x, 0.2, training=True))


class Saturated(Around):
    """Probabilities instead of logits, rounded to 0 and 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (10 * self.network(x)).softmax(1)


class Garbage(Around):
    """Grey images are denoised before classification, and the gradient misleads."""

    def __init__(self, network: nn.Module, seed: int = 0) -> None:
        super().__init__(network, seed)
        rng = torch.Generator().manual_seed(seed)
        self.noise = nn.Parameter(torch.randn(784, 10, generator=rng), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        grey = (x - x.round()).abs().flatten(1).mean(1, keepdim=True) > 0.06
        waves = 20 * torch.sin(40 * x.flatten(1) @ self.noise)
        cleaned = self.network((x > 0.5).float()).detach() + waves - waves.detach()
        return torch.where(grey, cleaned, self.network(x))


class _Stop(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: object, x: torch.Tensor) -> torch.Tensor:
        return x.clone()

    @staticmethod
    def backward(_ctx: object, gradient: torch.Tensor) -> torch.Tensor:
        return gradient.clamp(0, 0)


class Clipped(Around):
    """Honest predictions; the backward pass returns zeros."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(_Stop.apply(x))


class BatchMean(Around):
    """Logits that depend on the batch: each image's logits beside the mean of all."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.network(x)
        return logits - 0.5 * logits.mean(0, keepdim=True)


# Which doubt has to be among those raised, and an attack that the impostor looks robust to.
IMPOSTORS: dict[type[Around], tuple[str, str]] = {
    Sharpened: ("weak attack", "PGD"),
    Rounded: ("gradients", "PGD"),
    Thresholded: ("gradients", "Square"),
    Noisy: ("variation", "PGD"),
    Dropping: ("variation", "PGD"),
    Saturated: ("probabilities", "PGD"),
    Garbage: ("planted examples", "PGD"),
    Clipped: ("gradients", "PGD"),
    BatchMean: ("batch dependence", "PGD"),
}
ATTACKS: dict[str, dict[str, object]] = {
    "PGD": {"use": "PGD", "steps": 10},
    "Square": {"use": "Square", "queries": 20},
}
