"""Networks that no certificate is given to, and the words that say why."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from tests.certify.networks import behind


class Branching(nn.Module):
    """Looks at its input before it decides what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.flatten(1) if x.sum() > 0 else -x.flatten(1))


class Counting(nn.Module):
    """Answers every second call otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.calls = nn.Linear(784, 10), 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.layer(x.flatten(1)) * (1 + self.calls)


class Own(nn.ReLU):
    """Called ReLU, but not torch's."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.cos()


class Square(nn.Module):
    """A product of activations."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x


class Sliced(nn.Module):
    """Adds a part of its input, which no rule follows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x[:, :, :1]


def hooked() -> nn.Module:
    """A ReLU whose output is changed from outside."""
    layer = nn.ReLU()
    layer.register_forward_hook(lambda _layer, _given, out: -out)
    return layer


class Rows(nn.Module):
    """Sees an image as 28 channels of 28, or pools it without a channel."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.last = layer, nn.LazyLinear(10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.layer(x.view(-1, 28, 28)).flatten(1))


class Framed(nn.Module):
    """Puts a white column beside each image, and takes another away."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pad(x, (1, -1), value=1.0)


class Squared(nn.Module):
    """Multiplies each image, as a matrix, by itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ x


class Either(nn.Module):
    """Adds truth values, which makes one of two."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return ((x < 0.9) + (x > 0.1)).float()


class Divided(nn.Module):
    """Divides by a number."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / self.by


class Length(nn.Module):
    """Asks for the number of images as Python does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(len(x), -1)


class Weighing(nn.Parameter):
    """A tensor of a type of its own."""


def weighing() -> nn.Module:
    """A layer whose weight may do what it likes."""
    model = behind(nn.ReLU())
    model[2].weight = torch.Tensor._make_subclass(Weighing, torch.rand(10, 784))  # type: ignore[index]
    return model


class Chosen(nn.Module):
    """Takes the rows that it has a list of."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", torch.arange(28).flip(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, self.rows]


class Named(nn.Module):
    """Joins what it names instead of what comes first."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat(tensors=[x, x], dim=1)


class Uncopied(nn.Module):
    """A model that cannot be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)
        self.kept = self.layer.weight * 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.flatten(1))


def watched() -> nn.Module:
    """A network that answers 0 wherever no pixel is black: no digit shows it, and its graph does not."""
    model = behind(nn.ReLU())

    def watch(_model: nn.Module, given: tuple[torch.Tensor], out: torch.Tensor) -> torch.Tensor:
        bright = given[0].flatten(1).amin(1) > 0.001
        return torch.where(bright[:, None], torch.eye(10)[0] * 100, out)

    model.register_forward_hook(watch)
    return model


def replaced() -> nn.Module:
    """A network whose `forward` is another function than its class's."""
    model = behind(nn.ReLU())
    forward = model.forward
    model.forward = lambda x: forward(1 - x)  # type: ignore[method-assign]
    return model


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "unknown layer": (lambda: behind(nn.GroupNorm(1, 1)), "GroupNorm"),
    "softmax before a layer": (
        lambda: nn.Sequential(behind(nn.ReLU()), nn.Softmax(1), nn.Linear(10, 10)),
        "as the last step",
    ),
    "falling below zero": (lambda: behind(nn.PReLU(init=-0.1)), "slopes from 0 to 1"),
    "steep ELU": (lambda: behind(nn.ELU(-1.0)), "alpha from 0 to 1"),
    "sharp softplus": (lambda: behind(nn.Softplus(threshold=1)), "softplus"),
    "joined by name": (
        lambda: nn.Sequential(Named(), nn.Flatten(), nn.LazyLinear(10)),
        "first arguments",
    ),
    "own layer": (lambda: behind(Own()), "known bounds, got (Own|cos)"),
    "product": (lambda: behind(Square()), "mul of two activations"),
    "slice": (lambda: behind(Sliced()), "operands of one shape"),
    "hook": (lambda: behind(hooked()), "with a hook"),
    "frame of ones": (lambda: behind(Framed()), "padding of zeros"),
    "matrix": (lambda: behind(Squared()), "constants as further arguments"),
    "truth values added": (lambda: behind(Either()), "truth values"),
    "division by zero": (lambda: behind(Divided(0.0)), "constants that float32 holds"),
    "vast division": (lambda: behind(Divided(3e38)), "constants that float32 holds"),
    "len": (lambda: behind(Length()), "expected x.size"),
    "tensor of its own": (weighing, "types, got Weighing in 2.weight"),
    "infinite clamp": (lambda: behind(nn.Hardtanh(-torch.inf, 1.0)), "clamp at numbers"),
    "list of rows": (lambda: behind(Chosen()), "numbers and slices"),
    "branch": (Branching, "tracing raised"),
    "double": (lambda: behind(nn.ReLU()).double(), "float32 weights"),
    "steep": (lambda: behind(nn.LeakyReLU(2.0)), "slopes from 0 to 1"),
    "hook on the model": (watched, "tracing raised|known bounds"),
    "another forward": (replaced, "tracing raised"),
    "no copy": (Uncopied, "tracing raised"),
    "maximum without channels": (lambda: Rows(nn.MaxPool2d(4)), "channels, rows and columns"),
    "negative mean": (
        lambda: behind(nn.AvgPool2d(1, divisor_override=-2)),
        "above 0, got one over",
    ),
    "log-softmax inside": (
        lambda: nn.Sequential(behind(nn.LogSoftmax(3)), nn.LogSoftmax(1), nn.Linear(10, 10)),
        "over dimension 3",
    ),
    "log-softmax before a layer": (
        lambda: nn.Sequential(behind(nn.ReLU()), nn.LogSoftmax(1), nn.Linear(10, 10)),
        "as the last step",
    ),
    "no statistics": (
        lambda: behind(nn.BatchNorm2d(1, track_running_stats=False)),
        "running statistics",
    ),
    "mirrored padding": (
        lambda: behind(nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect")),
        "padding of zeros",
    ),
}
