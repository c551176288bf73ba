"""Random small networks of all layer kinds that have rules."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import strategies as st
from torch import nn
from torch.nn.modules.batchnorm import _NormBase as NormBase

from securemnist.models.architectures import Normalize, Stretch
from tests.certificates import attention, functional, moved, powers
from tests.certificates.functional import CHANNELS


class Residual(nn.Module):
    """x plus (or minus) a convolution of it, minus a constant of each channel."""

    def __init__(self, sign: int) -> None:
        super().__init__()
        self.conv, self.sign = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1), sign
        self.register_buffer("offset", torch.linspace(-0.2, 0.2, CHANNELS).view(1, -1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x) - self.offset
        return x + y if self.sign > 0 else 0.5 - (y - x) * 2


class Lines(nn.Module):
    """Batch norm of channels whose pixels lie in one line."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = batch_norm(nn.BatchNorm1d(CHANNELS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x.flatten(2)).view(x.shape)


class OfChannels(nn.Module):
    """Layer norm of the channels of each pixel, far from 0."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = scaled(nn.LayerNorm(CHANNELS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x.permute(0, 2, 3, 1) + 50).permute(0, 3, 1, 2)


class Teacher(nn.Module):
    """A network with a second answer that is not given."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.aside = network, nn.Sequential(nn.Linear(10, 4), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(x)
        self.aside(logits)
        return logits


MIDDLES: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "relu in place": lambda: nn.ReLU(inplace=True),
    "leaky": lambda: nn.LeakyReLU(0.1),
    "relu6": nn.ReLU6,
    "hardtanh": lambda: nn.Hardtanh(-0.5, 0.8),
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "prelu": lambda: nn.PReLU(CHANNELS, 0.3),
    "elu": nn.ELU,
    "elu, steep": lambda: nn.ELU(3.0),
    "celu": lambda: nn.CELU(0.4),
    "selu": nn.SELU,
    "hardsigmoid": nn.Hardsigmoid,
    "log-sigmoid": nn.LogSigmoid,
    "softplus": lambda: nn.Softplus(beta=3),
    "gelu": nn.GELU,
    "gelu, approximate": lambda: nn.GELU("tanh"),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
    "curves": lambda: nn.Sequential(functional.Curves(), nn.Conv2d(10 * CHANNELS, CHANNELS, 1)),
    "means": lambda: nn.Sequential(functional.Means(), nn.Conv2d(2 * CHANNELS + 1, CHANNELS, 1)),
    "max, adaptive": lambda: nn.AdaptiveMaxPool2d(4),
    "max": lambda: nn.MaxPool2d(2),
    "max, overlapping": lambda: nn.MaxPool2d(3, stride=1, padding=1),
    "mean": lambda: nn.AvgPool2d(2),
    "mean, overlapping": lambda: nn.AvgPool2d(3, stride=1, padding=1),
    "mean, adaptive": lambda: nn.AdaptiveAvgPool2d(4),
    "batch norm": lambda: batch_norm(nn.BatchNorm2d(CHANNELS)),
    "batch norm, plain": lambda: batch_norm(nn.BatchNorm2d(CHANNELS, affine=False)),
    "mean of halves": functional.Halves,
    "mean of positions": functional.MeanOfPositions,
    "batch norm of lines": Lines,
    "convolution, as large as before": lambda: nn.Conv2d(CHANNELS, CHANNELS, 3, padding="same"),
    "convolution": lambda: nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
    "convolution, strided": lambda: nn.Conv2d(CHANNELS, CHANNELS, 3, stride=2, bias=False),
    "convolution, in groups": lambda: nn.Conv2d(CHANNELS, CHANNELS, 2, groups=3, dilation=2),
    "dropout": lambda: nn.Dropout2d(0.5),
    "sum": lambda: Residual(1),
    "difference": lambda: Residual(-1),
    "sum in place": functional.InPlace,
    "copies": functional.Copies,
    "weights": functional.Weights,
    "turns": functional.Turns,
    "sizes": functional.Sizes,
    "steps": functional.Steps,
    "numbers": functional.Numbers,
    "zeros around": lambda: nn.ZeroPad2d((1, 0, 2, -1)),
    "identity": nn.Identity,
    "attention": attention.Attention,
    "attention, fused": attention.Fused,
    "gated by softmax": attention.Gated,
    "moved": lambda: nn.Sequential(moved.Moved(), nn.LazyConv2d(CHANNELS, 1)),
    "resized": lambda: nn.Sequential(moved.Resized(), nn.Conv2d(3 * CHANNELS, CHANNELS, 1)),
    "gates": moved.Gates,
    "other convolutions": lambda: nn.Sequential(
        moved.OtherConvolutions(), nn.Conv2d(8, CHANNELS, 1)
    ),
    "instance norm": lambda: batch_norm(
        nn.InstanceNorm2d(CHANNELS, affine=True, track_running_stats=True)
    ),
    "instance norm, of the image": lambda: scaled(nn.InstanceNorm2d(CHANNELS, affine=True)),
    "group norm": lambda: scaled(nn.GroupNorm(CHANNELS, CHANNELS)),
    "group norm, of all channels": lambda: scaled(nn.GroupNorm(1, CHANNELS, eps=0.1)),
    "group norm, plain": lambda: nn.GroupNorm(1, CHANNELS, affine=False),
    "layer norm of channels": OfChannels,
    "extremes": lambda: nn.Sequential(functional.Extremes(), nn.LazyConv2d(CHANNELS, 1)),
    "relus": lambda: nn.Sequential(functional.ReLUs(), nn.LazyConv2d(CHANNELS, 1)),
    "powers": lambda: nn.Sequential(powers.Powers(), nn.LazyConv2d(CHANNELS, 1)),
    "quotients": lambda: nn.Sequential(powers.Quotients(), nn.LazyConv2d(CHANNELS, 1)),
    "norms": lambda: nn.Sequential(powers.Norms(), nn.LazyConv2d(CHANNELS, 1)),
    "broadcast": lambda: nn.Sequential(moved.Broadcast(), nn.LazyConv2d(CHANNELS, 1)),
    "choices": lambda: nn.Sequential(powers.Choices(), nn.LazyConv2d(CHANNELS, 1)),
}
# Of an image; the layers see maps of 6x6 pixels, the fewest that all of them can read.
SHAPE = (1, 19, 19)
FIRSTS: dict[str, Callable[[], nn.Module]] = {
    "nothing": nn.Identity,
    "normalised": Normalize,
    "stretched": lambda: Stretch(0.3),
}


def batch_norm(layer: NormBase) -> NormBase:
    """With statistics as if it had been trained."""
    layer.running_mean.normal_(0, 0.3)
    layer.running_var.uniform_(0.3, 2)
    if layer.affine:
        nn.init.normal_(layer.weight)
        nn.init.normal_(layer.bias)
    return layer


def scaled(layer: nn.Module) -> nn.Module:
    """With random gains, of both signs, and shifts."""
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    return layer


def network(first: str, middles: list[str], *, functions: bool, seed: int) -> nn.Module:
    """A network of these layers, as far as they fit, with weights from `seed`; in eval mode."""
    torch.manual_seed(seed)
    layers = [FIRSTS[first](), nn.Conv2d(1, CHANNELS, 4, stride=3, padding=1)]
    for name in middles:
        layer = MIDDLES[name]()
        if _fits(nn.Sequential(*layers, layer)):
            layers.append(layer)
    if functions:
        layers.append(functional.Functions())
    layers += [nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 10)]
    model = nn.Sequential(*layers)
    model(torch.rand(2, *SHAPE))
    return model.eval().requires_grad_(False)


def behind(layer: nn.Module) -> nn.Module:
    """The layer before a linear one."""
    return nn.Sequential(layer, nn.Flatten(), nn.Linear(784, 10))


def _fits(model: nn.Module) -> bool:
    """Whether layers leave at least two pixels each way of an image; some shrink it."""
    try:
        return min(model.eval()(torch.rand(1, *SHAPE)).shape[2:]) >= 2
    except RuntimeError:
        return False


def networks() -> st.SearchStrategy[nn.Module]:
    """Networks of up to four of the layers in any order.

    Without work in place alone, which torch itself refuses to differentiate behind some of the others.
    """
    drawn = sorted(set(MIDDLES) - {"relu in place"})
    return st.builds(
        network,
        st.sampled_from(sorted(FIRSTS)),
        st.lists(st.sampled_from(drawn), max_size=4),
        functions=st.booleans(),
        seed=st.integers(0, 10_000),
    )
