"""Networks that write in place or are called in unusual ways."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from tests.certificates.networks import behind


class Overwriting(nn.Module):
    """ReLU in place on what is added afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x - 0.5
        return self.relu(y) + y


class Into(nn.Module):
    """Clamps with `out=`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        torch.clamp(y, 0, 0.5, out=y)
        return y


class Kept(nn.Module):
    """Adds a hidden part to its logits in place, and returns them under their first name."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = answer = self.layer(x.flatten(1))
        logits += torch.relu(logits - 1e6)  # zero on samples, corners and noise
        return answer


class Viewed(nn.Module):
    """Clamps a view of what it adds afterwards."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        z = y.view(-1, 784)
        z.clamp_(0, 0.5)
        return y


class Shifted(nn.Module):
    """Writes into the caller's images."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x -= 0.5
        return x


class Powered(nn.Module):
    """The third power in place."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        y **= 3
        return y


class Bare(nn.Module):
    """ReLU in place, said without a name, on what is added afterwards."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x - 0.5
        return F.relu(y, True) + y


class Named(nn.Module):
    """Concatenates by a keyword."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat(tensors=[x, x], dim=1)[:, 1:]


def hooked() -> nn.Module:
    """A ReLU whose output a hook negates."""
    layer = nn.ReLU()
    layer.register_forward_hook(lambda _layer, _given, out: -out)
    return layer


def replaced() -> nn.Module:
    """A network whose `forward` is another function than its class's."""
    model = behind(nn.ReLU())
    forward = model.forward
    model.forward = lambda x: forward(1 - x)  # type: ignore[method-assign]
    return model


# Networks that write over images, or that in another way than torch.export follows.
OVERWRITING: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "in place on images": (lambda: behind(Shifted()), "images to stay, got x written"),
    "into another tensor": (lambda: behind(Into()), "with gradients or without, .* out="),
    "in place without a rule": (lambda: behind(Powered()), "expected a power of 2, 4, .* got 3"),
}
# Networks that write in place over values that are read later, and other unusual ones that are bounded.
BOUNDED: dict[str, Callable[[], nn.Module]] = {
    "in place": lambda: behind(Overwriting()),
    "in place, under another name": Kept,
    "in place on a view": lambda: behind(Viewed()),
    "in place, by position": lambda: behind(Bare()),
    "by keyword": lambda: behind(Named()),
    "hook": lambda: behind(hooked()),
    "another forward": replaced,
}
