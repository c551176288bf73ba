"""Gradients compared with differences at single places of the image."""

from __future__ import annotations

import torch
from torch import nn

from securemnist.backdoor.scan.pixel_gradients import false_places


class Hidden(nn.Module):
    """A network of three classes whose gradient is `factor` times the right one in 2x3 pixels."""

    def __init__(self, factor: float, size: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveMaxPool2d(4), nn.Flatten(), nn.Linear(64, 3)
        )
        self.factor = torch.ones(size, size)
        self.factor[:2, :3] = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        passed = x * self.factor
        return self.layers(passed + (x - passed).detach())


class Detached(nn.Module):
    """A network that computes without autograd."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    @torch.no_grad()
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x)


def found(factor: float, size: int = 12) -> int:
    """The number of false places of a network with such a gradient."""
    x = torch.rand(20, 3, size, size, generator=torch.Generator().manual_seed(0))
    return false_places(Hidden(factor, size).eval(), x, seed=0)


def test_right_gradients_are_false_nowhere() -> None:
    """The true gradient explains the slope at each pixel, beside kinks of ReLU and maxima."""
    assert found(1.0) == 0


def test_false_gradients_are_found_where_they_are() -> None:
    """A gradient that is zero or reversed in six pixels is false at these."""
    assert found(0.0) == found(-1.0) == 6


def test_large_images_have_places_of_several_pixels() -> None:
    """Of 40x40 pixels a place has 2x2, so that 2x3 hidden pixels are at most two places."""
    assert 1 <= found(0.0, size=40) <= 2


def test_missing_gradients_are_false() -> None:
    """A network without any gradient is false at each pixel with a slope, and raises nothing."""
    x = torch.rand(20, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 3)).eval()
    assert false_places(network, x, seed=0) == 0
    assert false_places(Detached(network), x, seed=0) == 36
