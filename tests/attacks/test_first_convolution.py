"""The faster gradient through a convolution of one channel, and convolutions that keep torch's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from securemnist.attacks.first_convolution import FirstConvolution
from securemnist.attacks.losses import loss_and_gradient, margins

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {"kernel_size": 3},
    "strided": {"kernel_size": 4, "stride": 2, "padding": 1},
    "padding wider than the kernel": {"kernel_size": 2, "padding": 3},
    "oblong": {"kernel_size": (5, 2), "stride": (3, 1), "padding": (0, 2)},
    "stride leaves pixels out": {"kernel_size": 2, "stride": 3},
    "no bias": {"kernel_size": 3, "bias": False},
    "circular padding": {"kernel_size": 3, "padding": 1, "padding_mode": "circular"},
}
KEPT: dict[str, dict[str, Any]] = {
    "two channels": {"in_channels": 2, "kernel_size": 3},
    "dilation": {"kernel_size": 3, "dilation": 2},
    "padding by name": {"kernel_size": 3, "padding": "same"},
    "weights that need a gradient": {"kernel_size": 3, "trained": True},
    "bias that needs a gradient": {"kernel_size": 3, "trained_bias": True},
    "float64": {"kernel_size": 3, "dtype": torch.float64},
}


def layer_of(
    in_channels: int = 1, trained: bool = False, trained_bias: bool = False, **settings: Any
) -> nn.Conv2d:
    torch.manual_seed(0)
    layer = nn.Conv2d(in_channels, 6, **settings).requires_grad_(trained)
    if trained_bias:
        layer.bias.requires_grad_(True)  # type: ignore[union-attr]
    return layer


def pass_of(
    layer: nn.Module, *, channels: int = 1, dtype: torch.dtype = torch.float32, faster: bool = True
) -> tuple[torch.Tensor, torch.Tensor, str]:
    """Output, gradient of a weighted sum of it by the pixels, and the name of the last operation."""
    rng = torch.Generator().manual_seed(1)
    x = torch.rand(5, channels, 12, 11, generator=rng, dtype=torch.float64)
    leaf = x.to(dtype).requires_grad_(True)
    if faster:
        with FirstConvolution():
            out = layer(leaf)
    else:
        out = layer(leaf)
    weights = torch.randn(out.shape, generator=rng, dtype=torch.float64).to(out.dtype)
    (gradient,) = torch.autograd.grad((out * weights).sum(), leaf)
    return out.detach(), gradient, out.grad_fn.name()


@pytest.mark.parametrize("case", SETTINGS)
def test_gradient_equals_the_one_in_float64(case: str) -> None:
    """Outputs are those of torch to the last bit, gradients those of float64 to float32 precision."""
    layer = layer_of(**SETTINGS[case])
    out, gradient, name = pass_of(layer)
    own, _, _ = pass_of(layer, faster=False)
    _, reference, _ = pass_of(layer.double(), dtype=torch.float64, faster=False)
    assert name == "_ConvolutionBackward"
    assert torch.equal(out, own)
    assert torch.allclose(gradient.double(), reference, rtol=0, atol=2e-6)


@pytest.mark.parametrize("case", KEPT)
def test_other_convolutions_keep_the_gradient_of_torch(case: str) -> None:
    """Where a convolution is not plain, its gradient is that of torch to the last bit."""
    settings = KEPT[case]
    layer = layer_of(**settings)
    channels, dtype = settings.get("in_channels", 1), settings.get("dtype", torch.float32)
    out, gradient, name = pass_of(layer, channels=channels, dtype=dtype)
    own, reference, _ = pass_of(layer, channels=channels, dtype=dtype, faster=False)
    assert name == "ConvolutionBackward0"
    assert torch.equal(out, own)
    assert torch.equal(gradient, reference)


def test_a_network_in_bfloat16_keeps_its_gradient() -> None:
    """Under autocast the gradient is that of torch."""
    layer = layer_of(kernel_size=3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, gradient, name = pass_of(layer)
        _, reference, _ = pass_of(layer, faster=False)
    assert name != "_ConvolutionBackward"
    assert torch.equal(gradient, reference)


def test_attacks_have_the_gradient_of_a_network() -> None:
    """`loss_and_gradient` takes the faster way through a network, and agrees with float64."""
    body = nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(1176, 10)).requires_grad_(False)
    network = nn.Sequential(layer_of(kernel_size=4, stride=2, padding=1), *body)
    x, y = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0)), torch.arange(4)
    operations: list[str] = []
    network[0].register_forward_hook(lambda *parts: operations.append(parts[2].grad_fn.name()))
    _, gradient, _ = loss_and_gradient(network, x, y, margins)
    wide = x.double().requires_grad_(True)
    (reference,) = torch.autograd.grad(margins(network.double()(wide), y, y).sum(), wide)
    assert operations == ["_ConvolutionBackward", "ConvolutionBackward0"]
    assert torch.allclose(gradient.double(), reference, rtol=0, atol=1e-6)


class Differentiating(nn.Module):
    """Logits from the gradient of an inner convolution, as energy-based networks have them."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = layer_of(kernel_size=3), nn.Linear(784, 10).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        energy = self.inner(x).square().sum()
        (slope,) = torch.autograd.grad(energy, x, create_graph=True)
        logits: torch.Tensor = self.head(slope.flatten(1))
        return logits


def test_a_network_that_differentiates_has_its_gradient() -> None:
    """The gradient of a gradient agrees with that of float64."""
    network = Differentiating()
    x, y = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0)), torch.arange(4)
    _, gradient, _ = loss_and_gradient(network, x, y, margins)
    wide = x.double().requires_grad_(True)
    (reference,) = torch.autograd.grad(margins(network.double()(wide), y, y).sum(), wide)
    assert torch.allclose(gradient.double(), reference, rtol=1e-4, atol=1e-5)
    assert reference.abs().max() > 0.1
