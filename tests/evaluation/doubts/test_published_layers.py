"""Published layers: those that hide the gradient are doubted, and unusual honest ones are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from securemnist.data import DataSet
from securemnist.evaluation.doubts.gradients import gradients
from securemnist.threats import Linf
from tests.evaluation.doubts.test_gradients import case

IMAGES = 200  # untrained networks are right for about one in ten
KEPT = 0.2  # of the activations of a layer
LEVELS = 16


class LargestOnly(nn.Module):
    """The largest activations of a layer stay, the others become 0 (Xiao et al., arXiv 1905.10510)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = x.flatten(1)
        least = values.topk(int(KEPT * values.shape[1]), dim=1).values[:, -1:]
        return (values * (values >= least)).view_as(x)


class Thermometer(nn.Module):
    """Each pixel becomes the levels below it (Buckman et al., ICLR 2018)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        levels = torch.arange(LEVELS, dtype=x.dtype).view(1, -1, 1, 1) / LEVELS
        return (x > levels).to(x.dtype)


class Reconstruction(nn.Module):
    """The nearest image of a decoder, by gradient descent (Samangouei et al., arXiv 1805.06605)."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Sequential(nn.Linear(16, 784), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        code = torch.zeros(len(x), 16, dtype=x.dtype)
        for _ in range(5):
            with torch.enable_grad():
                code.requires_grad_(True)
                distance = (self.decoder(code).view_as(x) - x.detach()).square().sum()
                code = (code - 0.1 * torch.autograd.grad(distance, code)[0]).detach()
        image: torch.Tensor = self.decoder(code).view_as(x)
        return image


class Squashed(nn.Module):
    """Lengths of vectors as logits (Sabour et al., arXiv 1710.09829), without routing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        length: torch.Tensor = x.view(len(x), 10, -1).norm(dim=2)
        return 12 * length**2 / (1 + length**2)


class Distances(nn.Module):
    """Logits that fall with the distance to a point of each class."""

    def __init__(self) -> None:
        super().__init__()
        self.points = nn.Parameter(torch.randn(10, 160))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return -torch.cdist(x, self.points)


class Smooth(nn.Module):
    """Levels as in a thermometer, with steep sigmoids."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        levels = torch.arange(LEVELS, dtype=x.dtype).view(1, -1, 1, 1) / LEVELS
        return torch.sigmoid(20 * (x - levels))


def network(
    first: Callable[[], nn.Module],
    activation: Callable[[], nn.Module],
    last: Callable[[], nn.Module],
) -> nn.Module:
    """Two convolutions with random weights, between two layers."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        middle = (nn.LazyConv2d(16, 4, 2, 1), activation(), nn.LazyConv2d(32, 4, 2, 1))
        model = nn.Sequential(
            first(), *middle, activation(), nn.Flatten(), nn.LazyLinear(160), last()
        )
        model(torch.zeros(1, 1, 28, 28))
    return model.eval().requires_grad_(False)


def linear() -> nn.Module:
    """An ordinary last layer."""
    return nn.Linear(160, 10)


HIDDEN = {
    "largest only": (nn.Identity, LargestOnly, "the answer jumps"),
    "thermometer": (Thermometer, nn.ReLU, "the gradient is zero"),
    "reconstruction": (Reconstruction, nn.ReLU, "the gradient is zero"),
}
HONEST = {
    "none of them": (nn.Identity, linear),
    "squashed": (nn.Identity, Squashed),
    "distances": (nn.Identity, Distances),
    "smooth levels": (Smooth, linear),
}


@pytest.mark.parametrize(("first", "activation", "reason"), HIDDEN.values(), ids=HIDDEN)
def test_layers_that_hide_the_gradient_are_doubted(
    first: type[nn.Module], activation: type[nn.Module], reason: str, mnist: DataSet
) -> None:
    """Layers that keep the largest activations, thermometer codes and reconstructions are doubted."""
    found = gradients(case(network(first, activation, linear), mnist, Linf(0.1), IMAGES))
    assert found is not None
    assert reason in found.reason


@pytest.mark.parametrize(("first", "last"), HONEST.values(), ids=HONEST)
def test_unusual_honest_layers_are_not_doubted(
    first: type[nn.Module], last: Callable[[], nn.Module], mnist: DataSet
) -> None:
    """Lengths of vectors, distances and steep but smooth levels raise no doubt."""
    checked = case(network(first, nn.ReLU, last), mnist, Linf(0.1), IMAGES)
    assert len(checked.y) >= 8
    assert gradients(checked) is None
