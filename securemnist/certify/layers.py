"""Layers: the rule of each layer that bounds are known for. Any other has none, and is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.grad import conv2d_input

from securemnist.certify import activations
from securemnist.certify.rules import Affine, MaxPool, Normalised, Reshape, Rule
from securemnist.errors import NoCertificate

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


def _channels(values: torch.Tensor, shape: Shape) -> torch.Tensor:
    """A value a channel, to be broadcast over activations of this shape a digit."""
    return values.view(-1, *[1] * (len(shape) - 1))


def _batch_norm(layer: nn.BatchNorm1d | nn.BatchNorm2d, shape: Shape) -> Rule:
    if layer.training or layer.running_mean is None or layer.running_var is None:
        _refuse(layer, "batch norm in eval mode with running statistics", "another")
    mean, var = layer.running_mean.double(), layer.running_var.double()
    scale = (var + layer.eps).rsqrt()
    bias = torch.zeros_like(mean)
    if layer.affine:
        scale, bias = scale * layer.weight.double(), layer.bias.double()
    scale, moved, bias = (_channels(t, shape) for t in (scale, mean * scale, bias))
    return elementwise(scale, bias - moved, moved.abs() + bias.abs())


def mean_pool(
    pool: Callable[[torch.Tensor], torch.Tensor],
    terms: int | None = None,
    divisor: float | None = None,
) -> Rule:
    """A mean over windows: weights of one sign, taken back by automatic differentiation.

    `terms`: how many a window has; None: at most as many as there are in a digit.
    """
    if divisor is not None and not divisor > 0:
        raise NoCertificate(f"expected a mean over a number above 0, got one over {divisor}")

    def transposed(weights: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        with torch.enable_grad():
            x = torch.zeros(shape, dtype=weights.dtype, device=weights.device, requires_grad=True)
            (pulled,) = torch.autograd.grad(pool(x), x, weights)
        return pulled

    nothing = torch.zeros(())
    return Affine(pool, pool, transposed, nothing, nothing, terms)


def zeros_around(pad: Sequence[int], shape: Shape) -> Rule:
    """Zeros at the ends of the last dimensions, as F.pad counts them; below 0 it cuts off."""
    if len(pad) > 2 * len(shape):
        raise NoCertificate("expected padding of each digit, got more")
    padded = partial(F.pad, pad=list(pad))
    nothing = torch.zeros(())
    back = [-length for length in pad]
    return Affine(padded, padded, lambda weights, _: F.pad(weights, back), nothing, nothing, 1)


def max_pool(
    shape: Shape, *arguments: Any, function: Callable[..., Any] = F.max_pool2d, **named: Any
) -> Rule:
    """A maximum over windows, from the output's shape and the arguments of torch's `function`."""
    if len(shape) != 3:
        raise NoCertificate(f"expected channels, rows and columns in a maximum, got {len(shape)}")
    named.pop("return_indices", None)
    pool = partial(_call, function, arguments, named)
    indices = partial(_call, function, arguments, {**named, "return_indices": True})
    return MaxPool(pool, lambda x: indices(x)[1])


def _call(
    function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any], x: torch.Tensor
) -> Any:
    return function(x, *arguments, **named)


def softmax(dim: int | None, shape: Shape, *, exponential: bool) -> Rule:
    """Probabilities of the classes, or (not `exponential`) their logarithms."""
    if dim not in (1, -1) or len(shape) != 1:
        raise NoCertificate(f"expected softmax over the classes, got it over dimension {dim}")
    return Normalised(exponential)


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
    nn.ReLU: lambda _layer, _: activations.rectify(),
    nn.ReLU6: lambda _layer, _: activations.clamp(0, 6),
    nn.LeakyReLU: lambda layer, _: activations.rectify(layer.negative_slope),
    nn.PReLU: lambda layer, shape: activations.rectify(_channels(layer.weight, shape)),
    nn.Hardtanh: lambda layer, _: activations.clamp(layer.min_val, layer.max_val),
    nn.Sigmoid: lambda _layer, _: activations.sigmoid(),
    nn.Tanh: lambda _layer, _: activations.tanh(),
    nn.ELU: lambda layer, _: activations.elu(layer.alpha),
    nn.SELU: lambda _layer, _: activations.selu(),
    nn.Softplus: lambda layer, _: activations.softplus(layer.beta, layer.threshold),
    nn.GELU: lambda layer, _: activations.gelu(layer.approximate),
    nn.SiLU: lambda _layer, _: activations.silu(),
    nn.Mish: lambda _layer, _: activations.mish(),
    nn.Hardswish: lambda _layer, _: activations.hardswish(),
    nn.Softmax: lambda layer, shape: softmax(layer.dim, shape, exponential=True),
    nn.LogSoftmax: lambda layer, shape: softmax(layer.dim, shape, exponential=False),
    nn.MaxPool2d: lambda layer, shape: max_pool(
        shape, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode
    ),
    nn.AdaptiveMaxPool2d: lambda layer, shape: max_pool(
        shape, layer.output_size, function=F.adaptive_max_pool2d
    ),
    nn.AvgPool2d: lambda layer, _: mean_pool(
        layer.forward, _window(layer) + 4, layer.divisor_override
    ),
    nn.AdaptiveAvgPool2d: lambda layer, _: mean_pool(layer.forward),
    nn.Flatten: lambda _layer, shape: Reshape(shape),
    nn.Unflatten: lambda _layer, shape: Reshape(shape),
    nn.ZeroPad2d: lambda layer, shape: zeros_around(layer.padding, shape),
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
