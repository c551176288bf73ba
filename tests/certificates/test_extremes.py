"""Bounds of the largest and the smallest of some activations."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from securemnist.certificates import certify
from securemnist.certificates.operations.arithmetic import Activations
from securemnist.certificates.operations.extremes import Extreme, of_two
from securemnist.certificates.operations.intervals import Box
from securemnist.errors import NoCertificate


@pytest.mark.parametrize("largest", [True, False], ids=["largest", "smallest"])
def test_linear_bounds_hold_in_the_box(largest: bool) -> None:
    """For weights of both signs. It is reached where one member is the extreme in the whole box."""
    rng = torch.Generator().manual_seed(0)
    rule = Extreme([lambda x: x], largest)
    centre = torch.randn(200, 4, 6, generator=rng).double()
    inputs = Box(centre - 0.5, centre + 0.5)
    weights = torch.randn(200, 6, generator=rng).double()
    (spread,), constant = rule.backward(weights, [inputs], rule.enclose(inputs))
    assert spread is not None
    for _ in range(50):
        x = centre + torch.rand(centre.shape, generator=rng).double() - 0.5
        value = x.amax(1) if largest else x.amin(1)
        bound = (spread * x).sum((1, 2)) + constant
        assert bool((bound <= (weights * value).sum(1) + 1e-9).all())
    apart = Box(centre - 1e-6, centre + 1e-6)
    (spread,), constant = rule.backward(weights, [apart], rule.enclose(apart))
    assert spread is not None
    value = centre.amax(1) if largest else centre.amin(1)
    assert torch.allclose((spread * centre).sum((1, 2)) + constant, (weights * value).sum(1))


@pytest.mark.parametrize("order", [1, -1], ids=["constant last", "constant first"])
def test_a_constant_that_is_the_extreme_counts(order: int) -> None:
    """Where all activations are above a constant, the smaller one is the constant."""
    operands = (Activations((3,)), torch.tensor(0.1))[::order]
    rule = of_two(largest=False)((3,), *operands)
    box = Box(torch.ones(2, 3).double(), 2 * torch.ones(2, 3).double())
    weights = torch.tensor([[1.0, -2.0, 3.0], [-1.0, -1.0, -1.0]]).double()
    (spread,), constant = rule.backward(weights, [box], rule.enclose(box))
    assert spread is not None
    assert not spread.any()
    assert torch.allclose(constant, 0.1 * weights.sum(1))


class Maxout(nn.Module):
    """The larger one of two linear functions of the pixels, for each class."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(784, 10), nn.Linear(784, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.maximum(self.one(x.flatten(1)), self.other(x.flatten(1)))


def test_certificates_of_maxout_are_those_of_its_larger_parts() -> None:
    """Where no other part can become the larger one, the certificates are those of a linear network."""
    torch.manual_seed(1)
    model, x = Maxout().eval().requires_grad_(False), torch.rand(20, 1, 28, 28)
    y = model(x).argmax(1)
    eps = 1e-4
    found = certify(model, x, y, eps=eps)
    for image, label, margin in zip(x, y, found.margins, strict=True):
        first = model.one(image.flatten()) >= model.other(image.flatten())
        weight = torch.where(first[:, None], model.one.weight, model.other.weight)
        bias = torch.where(first, model.one.bias, model.other.bias)
        change = eps * (weight[label] - weight).abs().sum(1)
        logits = weight @ image.flatten() + bias
        least = (logits[label] - logits - change).index_fill(0, label, torch.inf).min()
        assert float(margin) <= float(least) + 1e-5
        assert float(margin) == pytest.approx(float(least), abs=2e-3)
    assert found.proved.float().mean() > 0.5


def test_a_maximum_of_the_batch_has_no_certificate() -> None:
    """It mixes images."""

    class OfBatch(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1)[:, :10] + 0 * x.amax((0, 1, 2, 3))

    x = torch.rand(2, 1, 28, 28)
    with pytest.raises(NoCertificate, match="batch"):
        certify(OfBatch().eval(), x, torch.zeros(2, dtype=torch.long), eps=0.01)
