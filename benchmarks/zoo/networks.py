"""Networks of the zoo: the package's architectures, and one with strides that nothing else here uses."""

from __future__ import annotations

from torch import nn

from securemnist.models.architectures import build


def strided() -> nn.Sequential:
    """Two 4x4 convolutions (16, 32) with stride 2, 100 hidden units."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 100),
        nn.ReLU(),
        nn.Linear(100, 10),
    )


def network(architecture: str) -> nn.Module:
    """A new network of an architecture of the zoo."""
    return strided() if architecture == "strided" else build(architecture)
