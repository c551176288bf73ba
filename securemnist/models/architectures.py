"""Network architectures by name: images float32 (n, C, H, W) in [0, 1] to logits (n, K).

A takes images and classes of any input specification, the others those of MNIST.

Normalisation is a layer of the network, so that eps is always in pixel units. Max pooling precedes
ReLU: both orders give the same values and gradients, and this one applies ReLU to a quarter of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import nn

from securemnist.errors import ModelError
from securemnist.input_spec import MNIST, InputSpec
from securemnist.types import CLASSES, Images, Logits

# Mean and standard deviation of MNIST's training pixels.
MNIST_MEAN, MNIST_STD = 0.1307, 0.3081


@final
class Normalize(nn.Module):
    """(x - mean) / std with constants, one number or one a channel, for pixels in [0, 1]."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(
        self,
        mean: float | Sequence[float] = MNIST_MEAN,
        std: float | Sequence[float] = MNIST_STD,
    ) -> None:
        super().__init__()
        means, stds = _constant(mean), _constant(std)
        if not (stds > 0).all() or not torch.isfinite(means / stds).all():
            raise ModelError(f"expected std > 0, got {std}; pass the training set's deviation")
        # Not persistent, because these are constants of the architecture.
        self.register_buffer("mean", means, persistent=False)
        self.register_buffer("std", stds, persistent=False)

    def forward(self, x: Images) -> torch.Tensor:
        return (x - self.mean) / self.std


def _constant(values: float | Sequence[float]) -> torch.Tensor:
    """A number as a scalar, a number for each channel as (C, 1, 1)."""
    if isinstance(values, int | float):
        return torch.tensor(float(values))
    return torch.tensor([float(value) for value in values]).view(-1, 1, 1)


@final
class ConvNetA(nn.Module):
    """Two 3x3 convolutions (32, 64; padding 1), each ReLU and 2x2 max pooling; 128 hidden units.

    421,642 parameters, 8.5 MFLOP per image forward. Images of another form have as many layers; feature
    maps of more than 7x7 are pooled to at most 7x7.
    """

    def __init__(self, spec: InputSpec = MNIST) -> None:
        super().__init__()
        height, width = (min(7, side // 4) for side in spec.shape[1:])
        self._reduced = (height, width) if max(spec.shape[1:]) // 4 > 7 else None
        self.normalize = Normalize()
        self.conv1 = nn.Conv2d(spec.channels, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(64 * height * width, 128)
        self.fc2 = nn.Linear(128, spec.classes)

    def forward(self, x: Images) -> Logits:
        x = self.relu(self.pool(self.conv1(self.normalize(x))))
        x = self.relu(self.pool(self.conv2(x)))
        if self._reduced is not None:
            x = nn.functional.adaptive_avg_pool2d(x, self._reduced)
        logits: Logits = self.fc2(self.relu(self.fc1(self.flatten(x))))
        return logits


class _Chain(nn.Module):
    """Layers that are called one after the other."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Images) -> Logits:
        logits: Logits = self.layers(x)
        return logits


@final
class ConvNetC(_Chain):
    """Two unpadded 3x3 convolutions (32, 64), one 2x2 max pooling, dropout; 128 hidden units.

    1,199,882 parameters, 24 MFLOP per image forward. Without normalisation.
    """

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(64 * 12 * 12, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, CLASSES),
        )


@final
class ConvNetD(_Chain):
    """Two unpadded 3x3 convolutions (32, 64), each ReLU and 2x2 max pooling; 128 hidden units.

    225,034 parameters, 5.3 MFLOP per image forward. Without normalisation.
    """

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, 3),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * 5 * 5, 128),
            nn.ReLU(),
            nn.Linear(128, CLASSES),
        )


@final
class Stretch(nn.Module):
    """clamp((x - a) / (1 - 2a), 0, 1): values within `a` of 0 or 1 become 0 or 1."""

    def __init__(self, a: float) -> None:
        super().__init__()
        if not 0 <= a < 0.5:
            raise ModelError(f"expected a from 0 to below 0.5, got {a}; fix the network")
        self.a = a

    def forward(self, x: Images) -> torch.Tensor:
        return ((x - self.a) / (1 - 2 * self.a)).clamp(0, 1)

    def extra_repr(self) -> str:
        return f"a={self.a}"


def _normed(layer: nn.Conv2d | nn.Linear) -> tuple[nn.Module, nn.Module, nn.Module]:
    if isinstance(layer, nn.Conv2d):
        return layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU()
    return layer, nn.BatchNorm1d(layer.out_features), nn.ReLU()


@final
class ConvNetS(_Chain):
    """Three convolutions (32, 64, 64; the first two 4x4 with stride 2), batch norm, 256 hidden units.

    For certified training: strides instead of pooling and few activations, which keeps interval bounds
    tight. Without normalisation.

    483,562 parameters, 4.5 MFLOP per image forward.
    """

    def __init__(self) -> None:
        super().__init__(
            *_normed(nn.Conv2d(1, 32, 4, stride=2)),
            *_normed(nn.Conv2d(32, 64, 4, stride=2)),
            *_normed(nn.Conv2d(64, 64, 3, padding=1)),
            nn.Flatten(),
            *_normed(nn.Linear(64 * 5 * 5, 256)),
            nn.Linear(256, CLASSES),
        )


@final
class ConvNetSMnist(_Chain):
    """MNIST-specific: a fixed stretch, two strided convolutions (5x5, 96; 4x4, 128), 768 hidden units.

    The stretch removes perturbations of black and white pixels, which are most pixels of MNIST. It also
    removes shades of grey, so the network does not suit other data. Batch norm as in `ConvNetS`.

    2,667,274 parameters, 15.5 MFLOP per image forward.
    """

    def __init__(self) -> None:
        super().__init__(
            Stretch(0.305),
            *_normed(nn.Conv2d(1, 96, 5, stride=2)),
            *_normed(nn.Conv2d(96, 128, 4, stride=2)),
            nn.Flatten(),
            *_normed(nn.Linear(128 * 5 * 5, 768)),
            nn.Linear(768, CLASSES),
        )


ARCHITECTURES: dict[str, Callable[[], nn.Module]] = {
    "A": ConvNetA,
    "C": ConvNetC,
    "D": ConvNetD,
    "S": ConvNetS,
    "S-mnist": ConvNetSMnist,
}


def build(architecture: str, spec: InputSpec = MNIST) -> nn.Module:
    """A new network with random weights; ModelError for an unknown name.

    A takes images of every form, the others those of MNIST's form: ModelError for another `spec`.
    """
    if architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ModelError(f"expected an architecture of {known}, got {architecture!r}; choose one")
    if architecture == "A":
        return ConvNetA(spec)
    if not spec.is_mnist_like:
        raise ModelError(
            f"expected images of {MNIST} for architecture {architecture}, got {spec}; use architecture A"
        )
    return ARCHITECTURES[architecture]()
