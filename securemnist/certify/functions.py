"""Functions: the rule of each call that is no layer and no arithmetic: torch.relu, F.conv2d, x.view."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import EllipsisType
from typing import Any

import torch
import torch.nn.functional as F

from securemnist.certify import activations, affine, layers
from securemnist.certify.rules import Joined, Picked, Reshape, Rule, Shape
from securemnist.errors import NoCertificate

# Arguments behind the activations, named arguments, the output's shape a digit.
Maker = Callable[[Sequence[Any], Mapping[str, Any], Shape], Rule]


def _reshaped(_rest: Sequence[Any], _named: Mapping[str, Any], shape: Shape) -> Rule:
    """The same numbers in the shape that the graph has shown."""
    return Reshape(shape)


def _copied(_rest: Sequence[Any], _named: Mapping[str, Any], shape: Shape) -> Rule:
    return Reshape(shape, shares=False)


def _by_name(names: Sequence[str], rest: Sequence[Any], named: Mapping[str, Any]) -> dict[str, Any]:
    return dict(zip(names, rest, strict=False), **named)


def _given(function: Callable[..., Rule], *names: str) -> Maker:
    """A rule made from these arguments, by place or name; `inplace` has been looked at before."""

    def make(rest: Sequence[Any], named: Mapping[str, Any], _shape: Shape) -> Rule:
        given = {k: v for k, v in named.items() if k != "inplace"}
        return function(**_by_name(names, rest, given))

    return make


def _clamp(rest: Sequence[Any], named: Mapping[str, Any], _shape: Shape) -> Rule:
    limits = _by_name(("min", "max"), rest, named)
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


def _summed(function: Callable[..., torch.Tensor]) -> Maker:
    """A mean or sum over some dimensions: one over that of the digits would not have a digit's shape."""

    def make(rest: Sequence[Any], named: Mapping[str, Any], _shape: Shape) -> Rule:
        # It gives float32, or has no rule; bounds stay float64.
        others = {name: value for name, value in named.items() if name != "dtype"}
        return affine.pooled(lambda x: function(x, *rest, **others))

    return make


def _joined(rest: Sequence[Any], named: Mapping[str, Any], shape: Shape) -> Rule:
    if set(named) - {"dim"} or len(rest) > 1:  # torch knows `axis`, too
        raise NoCertificate("expected a dimension `dim` to join along, got more")
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
    return affine.pooled(lambda x: F.avg_pool2d(x, *rest, **named), divisor=divisor)


def _adaptive_mean(rest: Sequence[Any], named: Mapping[str, Any], _shape: Shape) -> Rule:
    return affine.pooled(lambda x: F.adaptive_avg_pool2d(x, *rest, **named))


def _dropout(rest: Sequence[Any], named: Mapping[str, Any], shape: Shape) -> Rule:
    training = named.get("training", rest[1] if len(rest) > 1 else True)
    if training is not False:
        raise NoCertificate("expected dropout in eval mode, got training mode")
    return Reshape(shape)


def _expanded(_rest: Sequence[Any], _named: Mapping[str, Any], shape: Shape) -> Rule:
    return Picked(lambda x: x.expand(len(x), *shape))


def _picked(function: Callable[..., torch.Tensor]) -> Maker:
    """What a function moves, repeats or cuts off; digits stay where the output has one each."""

    def make(rest: Sequence[Any], named: Mapping[str, Any], _shape: Shape) -> Rule:
        return Picked(lambda x: function(x, *rest, **named))

    return make


def _part(rest: Sequence[Any], _named: Mapping[str, Any], _shape: Shape) -> Rule:
    """X[:, 2:5]: a part of each digit, by numbers and slices."""
    index = rest[0] if isinstance(rest[0], tuple) else (rest[0],)
    if not all(part is None or isinstance(part, int | slice | EllipsisType) for part in index):
        raise NoCertificate("expected a part by numbers and slices, got another")
    if index[0] not in (slice(None), Ellipsis):
        raise NoCertificate("expected a part of each digit, got one of the batch")
    return Picked(partial(_cut, index=index))


def _cut(x: torch.Tensor, index: tuple[Any, ...]) -> torch.Tensor:
    # An ellipsis may stand for no dimension at all, and what follows it for that of the digits.
    if sum(part is not None for part in index) > x.dim():
        raise NoCertificate("expected a part of each digit, got one of the batch")
    return x[index]


def _pad(rest: Sequence[Any], named: Mapping[str, Any], shape: Shape) -> Rule:
    given = _by_name(("pad", "mode", "value"), rest, named)
    if given.get("mode", "constant") != "constant" or given.get("value"):
        raise NoCertificate("expected padding of zeros, got another")
    return layers.framed(given["pad"], shape)


def _matmul(rest: Sequence[Any], _named: Mapping[str, Any], _shape: Shape) -> Rule:
    (weight,) = rest
    if not isinstance(weight, torch.Tensor) or weight.dim() != 2:
        raise NoCertificate("expected a product with a constant matrix, got another")
    return affine.linear(weight.t())


def _batch_norm(rest: Sequence[Any], named: Mapping[str, Any], shape: Shape) -> Rule:
    names = ("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
    given = _by_name(names, rest, named)
    mean, var = given["running_mean"], given["running_var"]
    if given.get("training", False) is not False or mean is None or var is None:
        raise NoCertificate("expected batch norm in eval mode with running statistics, got another")
    eps = given.get("eps", 1e-5)
    return affine.batch_norm(mean, var, given.get("weight"), given.get("bias"), eps, shape)


def _negative() -> Rule:
    one, nothing = torch.ones(()), torch.zeros(())
    return affine.elementwise(-one, nothing, nothing)


# Of these the output's shape says all.
SHAPED = (_reshaped, _copied, _expanded)
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
    **dict.fromkeys((torch.reshape, "float", "to", "type"), _reshaped),
    "detach": _reshaped,
    **dict.fromkeys((torch.clone, "clone"), _copied),
    **dict.fromkeys((torch.squeeze, torch.unsqueeze, "squeeze", "unsqueeze"), _reshaped),
    **dict.fromkeys((F.max_pool2d, torch.max_pool2d), _max_pool),
    F.adaptive_max_pool2d: partial(_max_pool, function=F.adaptive_max_pool2d),
    F.avg_pool2d: _mean_pool,
    F.adaptive_avg_pool2d: _adaptive_mean,
    **dict.fromkeys((torch.mean, "mean"), _summed(torch.Tensor.mean)),
    **dict.fromkeys(SEVERAL, _joined),
    F.dropout: _dropout,
    F.dropout2d: _dropout,
    F.linear: _given(affine.linear, "weight", "bias"),
    F.conv2d: _given(
        affine.convolution, "weight", "bias", "stride", "padding", "dilation", "groups"
    ),
    F.batch_norm: _batch_norm,
    **dict.fromkeys((operator.matmul, torch.matmul, "matmul"), _matmul),
    **dict.fromkeys((operator.neg, torch.neg, "neg"), _given(_negative)),
    **dict.fromkeys((operator.abs, torch.abs, "abs"), _given(activations.absolute)),
    **{
        key: _given(partial(activations.steps, function))
        for function in (torch.round, torch.floor, torch.ceil, torch.sign)
        for key in (function, function.__name__)
    },
    **dict.fromkeys((torch.sum, "sum"), _summed(torch.Tensor.sum)),
    **dict.fromkeys((torch.permute, "permute"), _picked(torch.Tensor.permute)),
    **dict.fromkeys((torch.transpose, "transpose"), _picked(torch.Tensor.transpose)),
    "expand": _expanded,
    "repeat": _picked(torch.Tensor.repeat),
    operator.getitem: _part,
    F.pad: _pad,
}
