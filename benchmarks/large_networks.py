"""ResNet-18 and MobileNet-v2 of torchvision, with random weights that are the same in every run.

Random logits differ little from image to image, so their mean over noise is subtracted and their
spread is set to 1: then the predictions vary, and gradients have a usual size.
"""

from __future__ import annotations

import importlib

import torch
from torch import nn

from securemnist._util.torchvision_shim import importing

CLASSES = 10


def resnet18() -> nn.Module:
    """ResNet-18 with ten classes, any image size."""
    return _random("resnet18")


def mobilenet_v2() -> nn.Module:
    """MobileNet-v2 with ten classes, any image size."""
    return _random("mobilenet_v2")


def plain(name: str, classes: int = CLASSES) -> nn.Module:
    """A network of torchvision by name, with its own random weights."""
    models = importing(lambda: importlib.import_module("torchvision.models"))
    network: nn.Module = getattr(models, name)(num_classes=classes)
    return network


def _random(name: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = plain(name)
        noise = torch.rand(64, 3, 32, 32)
    with torch.no_grad():
        network.train()(noise)  # sets the running means of the batch normalisation
        logits = network.eval()(noise)
    return nn.Sequential(network, _Standardized(logits.mean(0), logits.std(0)))


class _Standardized(nn.Module):
    """Logits by mean and standard deviation of each class."""

    def __init__(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        super().__init__()
        self.mean, self.std = nn.Parameter(mean), nn.Parameter(std)

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return (logits - self.mean) / self.std
