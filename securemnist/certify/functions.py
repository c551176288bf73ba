"""Functions: the rule of each call in a network's graph that is no layer: sums, torch.relu, x.view."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from securemnist.certify import activations, layers
from securemnist.certify.rules import Expanded, Joined, Reshape, Rule, Sum
from securemnist.errors import NoCertificate

Shape = tuple[int, ...]
# Arguments behind the activations, named arguments, the output's shape a digit.
Maker = Callable[[Sequence[Any], Mapping[str, Any], Shape], Rule]


def _scaled(kind: str, constant: Any, shape: Shape, *, first: bool) -> Rule:
    """X + c, x - c, c - x, x * c or x / c with a constant that is the same for every digit."""
    value = torch.as_tensor(constant).detach().double()
    if value.dim() > len(shape) + 1 or (value.dim() == len(shape) + 1 and len(value) != 1):
        raise NoCertificate(
            "expected a constant that is the same for every digit, got a larger one"
        )
    value = value.reshape(value.shape[-len(shape) :]) if value.dim() else value
    one, nothing = torch.ones_like(value), torch.zeros_like(value)
    if kind == "add":
        return layers.elementwise(one, value, value.abs())
    if kind == "sub":
        sign = -1 if first else 1
        return layers.elementwise(sign * one, -sign * value, value.abs())
    if kind == "mul":
        return layers.elementwise(value, nothing, nothing)
    if first:
        raise NoCertificate("expected a division by a constant, got one by activations")
    return layers.elementwise(1 / value, nothing, nothing)


def arithmetic(kind: str, operands: Sequence[Any], shape: Shape, tracked: Sequence[bool]) -> Rule:
    """The rule of add, sub, mul or div; `tracked` says which operand depends on the image."""
    if all(tracked):
        if kind not in ("add", "sub"):
            raise NoCertificate(f"expected products with constants, got {kind} of two activations")
        return Sum(1 if kind == "add" else -1)
    first = not tracked[0]
    return _scaled(kind, operands[0 if first else 1], shape, first=first)


ARITHMETIC: dict[Any, str] = {
    **dict.fromkeys((operator.add, torch.add, "add", operator.iadd, "add_"), "add"),
    **dict.fromkeys((operator.sub, torch.sub, "sub", operator.isub, "sub_"), "sub"),
    **dict.fromkeys((operator.mul, torch.mul, "mul", operator.imul, "mul_"), "mul"),
    **dict.fromkeys((operator.truediv, torch.div, torch.true_divide, "div"), "div"),
    **dict.fromkeys((operator.itruediv, "div_"), "div"),
}


def _reshaped(_rest: Sequence[Any], _named: Mapping[str, Any], shape: Shape) -> Rule:
    """The same numbers in the shape that the graph has shown."""
    return Reshape(shape)


def _given(function: Callable[..., Rule], *names: str) -> Maker:
    """A rule made from these arguments, by place or name; `inplace` has been looked at before."""

    def make(rest: Sequence[Any], named: Mapping[str, Any], _shape: Shape) -> Rule:
        given = {k: v for k, v in named.items() if k != "inplace"}
        return function(**dict(zip(names, rest, strict=False), **given))

    return make


def _clamp(rest: Sequence[Any], named: Mapping[str, Any], _shape: Shape) -> Rule:
    limits = dict(zip(("min", "max"), rest, strict=False), **named)
    return activations.clamp(limits.get("min"), limits.get("max"))


def _hardtanh(min_val: float = -1.0, max_val: float = 1.0) -> Rule:
    return activations.clamp(min_val, max_val)


def _leaky(negative_slope: float = 0.01) -> Rule:
    return activations.rectify(negative_slope)


def _softmax(*, exponential: bool) -> Maker:
    def make(rest: Sequence[Any], named: Mapping[str, Any], shape: Shape) -> Rule:
        others = set(named) - {"dim", "_stacklevel"}
        if named.get("dtype") is not None or others - {"dtype"} or len(rest) > 1:
            raise NoCertificate("expected softmax with a dimension alone, got more")
        return layers.softmax(rest[0] if rest else named.get("dim"), shape, exponential=exponential)

    return make


def _mean(rest: Sequence[Any], named: Mapping[str, Any], _shape: Shape) -> Rule:
    """A mean over some dimensions: one over that of the digits would not have a digit's shape."""
    return layers.mean_pool(lambda x: x.mean(*rest, **named))


def _joined(rest: Sequence[Any], named: Mapping[str, Any], shape: Shape) -> Rule:
    dim = rest[0] if rest else named.get("dim", 0)
    return Joined(dim if dim >= 0 else dim + 1 + len(shape))


def _max_pool(
    rest: Sequence[Any],
    named: Mapping[str, Any],
    shape: Shape,
    function: Callable[..., Any] = F.max_pool2d,
) -> Rule:
    return layers.max_pool(shape, *rest, function=function, **named)


def _mean_pool(rest: Sequence[Any], named: Mapping[str, Any], _shape: Shape) -> Rule:
    divisor = named.get("divisor_override", rest[5] if len(rest) > 5 else None)
    return layers.mean_pool(lambda x: F.avg_pool2d(x, *rest, **named), divisor=divisor)


def _adaptive_mean(rest: Sequence[Any], named: Mapping[str, Any], _shape: Shape) -> Rule:
    return layers.mean_pool(lambda x: F.adaptive_avg_pool2d(x, *rest, **named))


def _dropout(rest: Sequence[Any], named: Mapping[str, Any], shape: Shape) -> Rule:
    training = named.get("training", rest[1] if len(rest) > 1 else True)
    if training is not False:
        raise NoCertificate("expected dropout in eval mode, got training mode")
    return Reshape(shape)


def _expanded(_rest: Sequence[Any], _named: Mapping[str, Any], shape: Shape) -> Rule:
    return Expanded(shape)


def _repeated(rest: Sequence[Any], named: Mapping[str, Any], shape: Shape) -> Rule:
    """One row, column or channel several times: what `expand` says, too."""
    times = named.get("repeats", rest[0] if rest and isinstance(rest[0], Sequence) else rest)
    single = all(t in (1, length) for t, length in zip(times[1:], shape, strict=True))
    if not single:
        raise NoCertificate("expected what is repeated to have length 1, got more")
    return Expanded(shape)


def _pad(rest: Sequence[Any], named: Mapping[str, Any], shape: Shape) -> Rule:
    given = dict(zip(("pad", "mode", "value"), rest, strict=False), **named)
    if given.get("mode", "constant") != "constant" or given.get("value"):
        raise NoCertificate("expected padding of zeros, got another")
    return layers.zeros_around(given["pad"], shape)


# Of these the output's shape says all.
SHAPED = (_reshaped, _expanded)
# These read all the activations of their first argument, a sequence.
SEVERAL = (torch.cat, torch.concat, torch.concatenate)
MAKERS: dict[Any, Maker] = {
    **dict.fromkeys(
        (torch.relu, F.relu, "relu", torch.relu_, "relu_"), _given(activations.rectify)
    ),
    F.leaky_relu: _given(_leaky, "negative_slope"),
    F.relu6: _given(lambda: activations.clamp(0, 6)),
    F.hardtanh: _given(_hardtanh, "min_val", "max_val"),
    **dict.fromkeys((torch.clamp, torch.clip, "clamp", "clip", torch.clamp_, "clamp_"), _clamp),
    **dict.fromkeys((torch.sigmoid, F.sigmoid, "sigmoid"), _given(activations.sigmoid)),
    **dict.fromkeys((torch.tanh, F.tanh, "tanh"), _given(activations.tanh)),
    F.elu: _given(activations.elu, "alpha"),
    F.selu: _given(activations.selu),
    F.softplus: _given(activations.softplus, "beta", "threshold"),
    F.gelu: _given(activations.gelu, "approximate"),
    F.silu: _given(activations.silu),
    F.mish: _given(activations.mish),
    F.hardswish: _given(activations.hardswish),
    **dict.fromkeys((F.softmax, torch.softmax, "softmax"), _softmax(exponential=True)),
    **dict.fromkeys((F.log_softmax, torch.log_softmax, "log_softmax"), _softmax(exponential=False)),
    **dict.fromkeys((torch.flatten, "flatten", "view", "reshape", "contiguous"), _reshaped),
    **dict.fromkeys((torch.reshape, "float", "to"), _reshaped),
    **dict.fromkeys((torch.squeeze, torch.unsqueeze, "squeeze", "unsqueeze"), _reshaped),
    **dict.fromkeys((F.max_pool2d, torch.max_pool2d), _max_pool),
    F.adaptive_max_pool2d: partial(_max_pool, function=F.adaptive_max_pool2d),
    F.avg_pool2d: _mean_pool,
    F.adaptive_avg_pool2d: _adaptive_mean,
    **dict.fromkeys((torch.mean, "mean"), _mean),
    **dict.fromkeys(SEVERAL, _joined),
    F.dropout: _dropout,
    F.dropout2d: _dropout,
    "expand": _expanded,
    "repeat": _repeated,
    F.pad: _pad,
}
