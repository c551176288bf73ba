"""Networks without certificates, with a part of the expected error."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from tests.certificates.networks import behind
from tests.certificates.unsupported_weights import (
    Uncopied,
    Unwritten,
    UnwrittenIntegers,
    watched,
    weighing,
)


class Branching(nn.Module):
    """Branches on the sum of all pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.flatten(1) if x.sum() > 0 else -x.flatten(1))


class Counting(nn.Module):
    """Returns other logits at each call."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.calls = nn.Linear(784, 10), 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return self.layer(x.flatten(1)) * (1 + self.calls)


class Own(nn.ReLU):
    """A subclass of ReLU that computes something else."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.cos()


class Masked(nn.Module):
    """Each row of an image attends to the rows before it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.scaled_dot_product_attention(x, x, x, is_causal=True)


class Strided(nn.Module):
    """Reads all rows but the first with its own strides: samples, channels, rows, columns."""

    def __init__(self, *strides: int, offset: int | None = None) -> None:
        super().__init__()
        self.strides, self.offset = strides, offset

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.relu()[:, :, 1:]
        read = torch.as_strided(rows, rows.shape, self.strides, self.offset)
        return F.pad(read, (0, 0, 1, 0))


class Rows(nn.Module):
    """Views an image as 28 channels of 28 pixels, or pools it without a channel."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.last = layer, nn.LazyLinear(10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.layer(x.view(-1, 28, 28)).flatten(1))


class Framed(nn.Module):
    """Pads each image with ones, and crops it on the other side."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pad(x, (1, -1), value=1.0)


class Turned(nn.Module):
    """Multiplies a constant matrix by each image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.eye(28) @ x


class Either(nn.Module):
    """Adds truth values, which is a logical or."""

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
    """Uses the number of images as a Python int."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.view(len(x), -1)


class Scaled(nn.Module):
    """Divides by the largest pixel, as a Python number."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / x.max().item()


class Equal(nn.Module):
    """Compares the images with their transposes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2 if torch.equal(x, x.transpose(2, 3)) else x


class Constant(nn.Module):
    """Returns the same logits for each image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.arange(10.0).expand(x.size(0), -1)


class Both(nn.Module):
    """Returns logits and images."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(784, 10)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.layer(x.flatten(1)), x


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "masked attention": (lambda: behind(Masked()), "attention of activations without a mask"),
    "layer of attention": (
        lambda: nn.Sequential(
            nn.Flatten(1, 2), nn.TransformerEncoderLayer(28, 2, 8, batch_first=True), nn.Flatten()
        ),
        "fixed number, as from layers of attention",
    ),
    "falling below zero": (lambda: behind(nn.PReLU(init=-0.1)), "slopes from 0 to 1"),
    "falling ELU": (lambda: behind(nn.ELU(-1.0)), "alpha and a scale from 0 to 100"),
    "sharp softplus": (lambda: behind(nn.Softplus(threshold=1)), "softplus"),
    "own layer": (lambda: behind(Own()), "known bounds, got cos .*layer 0, a Own"),
    "strides of shorter rows": (
        lambda: behind(Strided(784, 784, 27, 1)),
        "leave every value in its place",
    ),
    "the first sample only": (
        lambda: behind(Strided(0, 784, 28, 1)),
        "leave every value in its place",
    ),
    "strides from another start": (
        lambda: behind(Strided(784, 784, 28, 1, offset=0)),
        "supported arguments",
    ),
    "frame of ones": (lambda: behind(Framed()), "padding of zeros"),
    "constant times a matrix": (lambda: behind(Turned()), "got a constant first"),
    "truth values added": (lambda: behind(Either()), "truth values"),
    "division by zero": (lambda: behind(Divided(0.0)), "constants that float32 represents"),
    "vast division": (lambda: behind(Divided(3e38)), "constants that float32 represents"),
    "len": (lambda: behind(Length()), "any number of images"),
    "tensor of its own": (weighing, "types, got Weighing in 2.weight"),
    "infinite clamp": (lambda: behind(nn.Hardtanh(-torch.inf, 1.0)), "clamp at numbers"),
    "branch": (Branching, "pixel values, got a branch"),
    "double": (lambda: behind(nn.ReLU()).double(), "float32 weights"),
    "steep": (lambda: behind(nn.LeakyReLU(2.0)), "slopes from 0 to 1"),
    "hook on the model": (watched, "truth values to be converted"),
    "no copy": (Uncopied, "copy.deepcopy copies"),
    "maximum without channels": (lambda: Rows(nn.MaxPool2d(4)), "channels, rows and columns"),
    "negative mean": (
        lambda: behind(nn.AvgPool2d(1, divisor_override=-2)),
        "a divisor above 0, got",
    ),
    "log-softmax inside": (
        lambda: nn.Sequential(behind(nn.LogSoftmax(3)), nn.LogSoftmax(1), nn.Linear(10, 10)),
        "over dimension 3",
    ),
    "log-softmax before a layer": (
        lambda: nn.Sequential(behind(nn.ReLU()), nn.LogSoftmax(1), nn.Linear(10, 10)),
        "as the last operation",
    ),
    "no statistics": (
        lambda: behind(nn.BatchNorm2d(1, track_running_stats=False)),
        "known bounds, got _native_batch_norm_legit .*BatchNorm2d",
    ),
    "circular padding": (
        lambda: behind(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")),
        "circular padding",
    ),
    "unwritten integers": (lambda: behind(UnwrittenIntegers()), "constants as they were exported"),
    "unwritten memory": (lambda: behind(Unwritten()), "constants that float32 represents"),
    "pixel as a number": (lambda: behind(Scaled()), "pixel values, got a branch or number"),
    "comparison of images": (lambda: behind(Equal()), "pixel values|torch.export"),
    "constant": (Constant, "float32 logits of two classes"),
    "two outputs": (Both, "one output, the logits"),
    "one class": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 1)), "two classes or more"),
}
