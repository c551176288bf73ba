"""Layers: the rule of each layer that bounds are known for. Any other has none, and is named."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.grad import conv2d_input

from securemnist.certify.rules import Affine, MaxPool, Monotone, Normalised, Rectify, Reshape, Rule
from securemnist.errors import NoCertificate

# The widest error of the deployed tanh and sigmoid: some units in the last place of 1.
_TRANSCENDENTAL = 2.0**-20

# More activations than anybody averages, where a window's size is not looked at.
WINDOW = 1 << 16

Shape = tuple[int, ...]


def elementwise(scale: torch.Tensor, shift: torch.Tensor, size: torch.Tensor) -> Affine:
    """Scale * x + shift, both broadcast over the digits; what normalising does."""
    return Affine(
        linear=lambda x: x * scale,
        absolute=lambda x: x * scale.abs(),
        transposed=lambda weights, _shape: weights * scale,
        shift=shift,
        size=size,
        # A product and a sum; batch norm's own scale has been rounded a few times before.
        terms=16,
    )


def _linear(layer: nn.Linear) -> Rule:
    weight = layer.weight.double()
    shift = _bias(layer)
    return Affine(
        linear=lambda x: F.linear(x, weight),
        absolute=lambda x: F.linear(x, weight.abs()),
        transposed=lambda weights, _shape: weights @ weight,
        shift=shift,
        size=shift.abs(),
        terms=layer.in_features + 4,
    )


def _convolution(layer: nn.Conv2d) -> Rule:
    if layer.padding_mode != "zeros":
        _refuse(layer, "padding of zeros", layer.padding_mode)
    weight = layer.weight.double()
    shift = _bias(layer).view(-1, 1, 1)
    geometry: Any = (layer.stride, _padding(layer), layer.dilation, layer.groups)
    return Affine(
        linear=lambda x: F.conv2d(x, weight, None, *geometry),
        absolute=lambda x: F.conv2d(x, weight.abs(), None, *geometry),
        transposed=lambda weights, shape: conv2d_input(shape, weight, weights, *geometry),
        shift=shift,
        size=shift.abs(),
        terms=weight[0].numel() + 4,
    )


def _padding(layer: nn.Conv2d) -> tuple[int, ...]:
    """In numbers: "same" is as much on either side where kernels are odd."""
    if not isinstance(layer.padding, str):
        return layer.padding
    if layer.padding == "valid":
        return (0, 0)
    reach = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    if any(length % 2 for length in reach):
        _refuse(layer, "padding in numbers, or an odd kernel", f"padding {layer.padding!r}")
    return tuple(length // 2 for length in reach)


def _bias(layer: nn.Linear | nn.Conv2d) -> torch.Tensor:
    if layer.bias is None:
        return layer.weight.new_zeros(len(layer.weight)).double()
    return layer.bias.double()


def _batch_norm(layer: nn.BatchNorm1d | nn.BatchNorm2d, shape: Shape) -> Rule:
    if layer.training or layer.running_mean is None or layer.running_var is None:
        _refuse(layer, "batch norm in eval mode with running statistics", "another")
    mean, var = layer.running_mean.double(), layer.running_var.double()
    scale = (var + layer.eps).rsqrt()
    bias = torch.zeros_like(mean)
    if layer.affine:
        scale, bias = scale * layer.weight.double(), layer.bias.double()
    channels = (-1, *[1] * (len(shape) - 1))
    scale, moved, bias = (t.view(channels) for t in (scale, mean * scale, bias))
    return elementwise(scale, bias - moved, moved.abs() + bias.abs())


def mean_pool(
    pool: Callable[[torch.Tensor], torch.Tensor], terms: int, divisor: float | None = None
) -> Rule:
    """A mean over windows: weights of one sign, taken back by automatic differentiation."""
    if divisor is not None and not divisor > 0:
        raise NoCertificate(f"expected a mean over a number above 0, got one over {divisor}")

    def transposed(weights: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        with torch.enable_grad():
            x = torch.zeros(shape, dtype=weights.dtype, device=weights.device, requires_grad=True)
            (pulled,) = torch.autograd.grad(pool(x), x, weights)
        return pulled

    nothing = torch.zeros(())
    return Affine(pool, pool, transposed, nothing, nothing, terms + 4)


def max_pool(shape: Shape, *arguments: Any, **named: Any) -> Rule:
    """A maximum over windows, from the output's shape and the arguments of torch's function."""
    if len(shape) != 3:
        raise NoCertificate(f"expected channels, rows and columns in a maximum, got {len(shape)}")
    named.pop("return_indices", None)
    pool = partial(_call, F.max_pool2d, arguments, named)
    indices = partial(_call, F.max_pool2d, arguments, {**named, "return_indices": True})
    return MaxPool(pool, lambda x: indices(x)[1])


def _call(
    function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any], x: torch.Tensor
) -> Any:
    return function(x, *arguments, **named)


def clamp(low: float | None, high: float | None) -> Rule:
    """Cut at `low` and `high`, where they are given."""
    for bound in (low, high):
        if bound is not None and not isinstance(bound, int | float):
            raise NoCertificate(f"expected a clamp at numbers, got {type(bound).__name__}")
    if low is None and high is None:
        raise NoCertificate("expected a clamp with a limit, got none")
    largest = max(abs(bound) for bound in (low, high) if bound is not None)
    return Monotone(lambda x: x.clamp(low, high), 2.0**-23 * largest)


def sigmoid() -> Rule:
    """1 / (1 + exp(-x))."""
    return Monotone(torch.sigmoid, _TRANSCENDENTAL)


def tanh() -> Rule:
    """The hyperbolic tangent."""
    return Monotone(torch.tanh, _TRANSCENDENTAL)


def log_softmax(dim: int | None, shape: Shape) -> Rule:
    """Logarithms of probabilities over the classes."""
    if dim not in (1, -1) or len(shape) != 1:
        raise NoCertificate(f"expected log_softmax over the classes, got it over dimension {dim}")
    return Normalised()


def rectify(slope: float = 0.0) -> Rule:
    """ReLU, or leaky ReLU with a slope up to 1."""
    if not 0 <= slope <= 1:
        raise NoCertificate(f"expected a leaky ReLU with a slope from 0 to 1, got {slope}")
    return Rectify(float(slope))


def _window(layer: nn.AvgPool2d) -> int:
    size = layer.kernel_size
    return size * size if isinstance(size, int) else size[0] * size[1]


def _refuse(layer: nn.Module, expected: str, got: object) -> NoReturn:
    raise NoCertificate(f"expected {expected} in {type(layer).__name__}, got {got}")


def _dropout(layer: nn.Dropout | nn.Dropout2d, shape: Shape) -> Rule:
    if layer.training:
        _refuse(layer, "eval mode", "training mode")
    return Reshape(shape)


# Exact types: a subclass may do anything.
_RULES: dict[type[nn.Module], Callable[[Any, Shape], Rule]] = {
    nn.Linear: lambda layer, _: _linear(layer),
    nn.Conv2d: lambda layer, _: _convolution(layer),
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.ReLU: lambda _layer, _: rectify(),
    nn.ReLU6: lambda _layer, _: clamp(0, 6),
    nn.LeakyReLU: lambda layer, _: rectify(layer.negative_slope),
    nn.Hardtanh: lambda layer, _: clamp(layer.min_val, layer.max_val),
    nn.LogSoftmax: lambda layer, shape: log_softmax(layer.dim, shape),
    nn.Sigmoid: lambda _layer, _: sigmoid(),
    nn.Tanh: lambda _layer, _: tanh(),
    nn.MaxPool2d: lambda layer, shape: max_pool(
        shape, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode
    ),
    nn.AvgPool2d: lambda layer, _: mean_pool(layer.forward, _window(layer), layer.divisor_override),
    nn.AdaptiveAvgPool2d: lambda layer, _: mean_pool(layer.forward, WINDOW),
    nn.Flatten: lambda _layer, shape: Reshape(shape),
    nn.Unflatten: lambda _layer, shape: Reshape(shape),
    nn.Identity: lambda _layer, shape: Reshape(shape),
    nn.Dropout: _dropout,
    nn.Dropout2d: _dropout,
}


def rule_of(layer: nn.Module, shape: Shape) -> Rule:
    """The rule of a layer whose output has this shape a digit; NoCertificate where there is none."""
    kind = type(layer)
    if kind not in _RULES:
        raise NoCertificate(f"expected layers with known bounds, got {kind.__name__}")
    hooked = (layer._forward_hooks, layer._forward_pre_hooks, layer.__dict__.get("forward"))
    if any(hooked):
        raise NoCertificate(f"expected {kind.__name__} as torch made it, got one with a hook")
    return _RULES[kind](layer, shape)
