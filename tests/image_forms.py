"""Image forms other than MNIST's, with small random networks for them."""

from __future__ import annotations

import torch
from torch import nn

from securemnist.input_spec import InputSpec

FORMS = {
    "colour": InputSpec(3, 32, 32, 100),
    "wide": InputSpec(1, 12, 20, 2),
    "tall": InputSpec(4, 19, 8, 3),
}


def convolutional(spec: InputSpec, seed: int = 0) -> nn.Module:
    """A convolution, pooling and two linear layers with random weights, in eval mode.

    The logits of `images` have mean 0, so that several classes are predicted.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        features = 6 * (spec.height // 2) * (spec.width // 2)
        model = nn.Sequential(
            nn.Conv2d(spec.channels, 6, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(features, 16),
            nn.ReLU(),
            nn.Linear(16, spec.classes),
        ).eval()
    with torch.no_grad():
        model[-1].bias -= model(images(spec)).mean(0)
    return model


def images(spec: InputSpec, n: int = 8, seed: int = 0) -> torch.Tensor:
    """Random images, half of their pixels black or white; (n, C, H, W) in [0, 1]."""
    noise = torch.rand(n, *spec.shape, generator=torch.Generator().manual_seed(seed))
    return (noise * 2 - 0.5).clamp(0, 1)
