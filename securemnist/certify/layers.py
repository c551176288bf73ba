"""Layers: the rule of each layer that bounds are known for. Any other has none, and is named."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrize

from securemnist.certify import activations, affine
from securemnist.certify.rules import MaxPool, Normalised, Picked, Reshape, Rule, Shape
from securemnist.errors import NoCertificate


def _convolution(layer: nn.Conv2d, _shape: Shape) -> Rule:
    if layer.padding_mode != "zeros":
        _refuse(layer, "padding of zeros", layer.padding_mode)
    geometry = (layer.stride, layer.padding, layer.dilation, layer.groups)
    return affine.convolution(layer.weight, layer.bias, *geometry)


def _batch_norm(layer: nn.BatchNorm1d | nn.BatchNorm2d, shape: Shape) -> Rule:
    if layer.training or layer.running_mean is None or layer.running_var is None:
        _refuse(layer, "batch norm in eval mode with running statistics", "another")
    statistics = (layer.running_mean, layer.running_var)
    return affine.batch_norm(*statistics, layer.weight, layer.bias, layer.eps, shape)


def framed(pad: Sequence[int], shape: Shape) -> Rule:
    """Zeros at the ends of the last dimensions, as F.pad counts them; below 0 it cuts off."""
    if len(pad) > 2 * len(shape):
        raise NoCertificate("expected padding of each digit, got more")
    return Picked(partial(F.pad, pad=list(pad)))


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
    # Without a dimension torch takes the second one of two (`_get_softmax_dim`).
    if dim not in (1, -1, None) or len(shape) != 1:
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


def _zeros_around(layer: nn.ZeroPad2d, shape: Shape) -> Rule:
    if layer.value != 0:
        _refuse(layer, "padding of zeros", layer.value)
    return framed(layer.padding, shape)


# Exact types: a subclass may do anything.
_RULES: dict[type[nn.Module], Callable[[Any, Shape], Rule]] = {
    nn.Linear: lambda layer, _: affine.linear(layer.weight, layer.bias),
    nn.Conv2d: _convolution,
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.ReLU: lambda _layer, _: activations.rectify(),
    nn.ReLU6: lambda layer, _: activations.clamp(layer.min_val, layer.max_val),
    nn.LeakyReLU: lambda layer, _: activations.rectify(layer.negative_slope),
    nn.PReLU: lambda layer, shape: activations.rectify(affine.channels(layer.weight, shape)),
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
    nn.AvgPool2d: lambda layer, _: affine.pooled(
        layer.forward, _window(layer) + 4, layer.divisor_override
    ),
    nn.AdaptiveAvgPool2d: lambda layer, _: affine.pooled(layer.forward),
    nn.Flatten: lambda _layer, shape: Reshape(shape),
    nn.Unflatten: lambda _layer, shape: Reshape(shape),
    nn.ZeroPad2d: _zeros_around,
    nn.Identity: lambda _layer, shape: Reshape(shape),
    **dict.fromkeys((nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout), _dropout),
}


def _advice(layer: nn.Module) -> str:
    """What to do about a layer whose weights are computed at every call; "" for any other."""
    if parametrize.is_parametrized(layer):
        names = ", ".join(layer.parametrizations)  # type: ignore[arg-type]
        call = (
            f"torch.nn.utils.parametrize.remove_parametrizations(layer, {names.split(', ')[0]!r})"
        )
        return f" with a parametrization of {names}; keep its present value: {call}"
    if any(type(hook).__name__ == "WeightNorm" for hook in layer._forward_pre_hooks.values()):
        return " of weight_norm; keep its present value: torch.nn.utils.remove_weight_norm(layer)"
    return ""


def rule_of(layer: nn.Module, shape: Shape) -> Rule:
    """The rule of a layer whose output has this shape a digit; NoCertificate where there is none."""
    kind = type(layer)
    if kind not in _RULES:
        raise NoCertificate(
            f"expected layers with known bounds, got {kind.__name__}{_advice(layer)}"
        )
    if len(layer._forward_hooks) or len(layer._forward_pre_hooks):
        raise NoCertificate(
            f"expected {kind.__name__} as torch made it, got one with a hook{_advice(layer)}"
        )
    if (changed := _changed(layer)) is not None:
        raise NoCertificate(
            f"expected {kind.__name__} as torch made it, got one with another {changed}"
        )
    return _RULES[kind](layer, shape)


# What the attributes of torch's own layers are; a number of another type may compare as it likes.
_PLAIN = (bool, int, float, str, type(None), tuple, list, torch.Size, dict, set, OrderedDict)


def _changed(layer: nn.Module) -> str | None:
    """The attribute that hides what the layer's class has, or is of no plain type; None for none."""
    for name, value in vars(layer).items():
        parts = value if isinstance(value, tuple | list) else ()
        plain = all(
            type(part) in _PLAIN or type(part).__module__ == "numpy" for part in (value, *parts)
        )
        if hasattr(type(layer), name) or not plain:
            return name
    return None
