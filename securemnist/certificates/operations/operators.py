"""Rules by ATen operation. A new operation is a function and a line in `OPERATORS`.

A function gets the output shape per sample and the arguments of the operation. Arguments that depend
on the image are `Activations`; others are constants. It returns a Rule, several that follow each other,
or None for the identity.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from securemnist.certificates.operations import (
    activations,
    affine,
    attention,
    extremes,
    functions,
    normalization,
    selections,
)
from securemnist.certificates.operations.arithmetic import (
    Activations,
    compare,
    divide,
    multiply,
    signed_sum,
)
from securemnist.certificates.operations.choices import where
from securemnist.certificates.operations.clamps import clamp
from securemnist.certificates.operations.norms import vector_norm
from securemnist.certificates.operations.rules import LogSoftmax, MaxPool, Rule, Shape
from securemnist.certificates.operations.selections import (
    Operator,
    one_part,
    rearrange,
)
from securemnist.errors import NoCertificate

aten = torch.ops.aten


def _same(_shape: Shape, _x: Activations, **_options: Any) -> None:
    """The identity, with or without a copy."""


def _each(function: Callable[..., Rule | tuple[Rule, ...]]) -> Operator:
    """An elementwise operation, whose rule depends on constant arguments only."""
    return lambda _shape, _x, *rest, **options: function(*rest, **options)


def _fixed(rule: Rule) -> Operator:
    """An elementwise operation without other arguments."""
    return lambda _shape, _x: rule


def _prelu(_shape: Shape, x: Activations, slope: torch.Tensor) -> Rule:
    return activations.leaky_relu(affine.channels(slope.flatten(), x.shape))


def _batch_norm(_shape: Shape, x: Activations, *arguments: Any) -> Rule:
    return affine.batch_norm(x.shape, *arguments)


def _resize(function: Callable[..., torch.Tensor]) -> Operator:
    return lambda _shape, x, *rest: affine.resizing(function, x.shape[1:], *rest)


def _max_pool(function: Callable[..., Any]) -> Operator:
    """Max pooling: `function` returns maxima and indices."""

    def rule(_shape: Shape, x: Activations, *rest: Any) -> Rule:
        if len(x.shape) != 3:
            dims = len(x.shape)
            raise NoCertificate(f"expected channels, rows and columns in a maximum, got {dims}")
        return MaxPool(lambda t: function(t, *rest))

    return rule


def _mean_pool(_shape: Shape, _x: Activations, *rest: Any) -> Rule:
    divisor = rest[5] if len(rest) > 5 else None
    rows, columns = (*rest[0], *rest[0])[:2]
    return affine.pooled(lambda x: aten.avg_pool2d(x, *rest), rows * columns + 4, divisor)


def _reduce(function: Callable[..., torch.Tensor]) -> Operator:
    """A mean or sum over dimensions; the output shape ensures that it keeps the batch dimension."""

    def rule(_shape: Shape, _x: Activations, *rest: Any, **_dtype: Any) -> Rule:
        return affine.pooled(lambda x: function(x, *rest))  # the output is float32

    return rule


def _log_softmax(shape: Shape, _x: Activations, dim: int, _half_to_float: bool) -> Rule:
    if dim not in (1, -1) or len(shape) != 1:
        raise NoCertificate(f"expected softmax over the classes, got it over dimension {dim}")
    return LogSoftmax()


subtract, subtract_from = signed_sum(1, -1), signed_sum(-1, 1)


# Operations with boolean outputs, which only a conversion to float32 and a product with it may read.
COMPARISONS: dict[Any, Operator] = {
    getattr(getattr(aten, name), overload): compare(getattr(torch, name))
    for name in ("gt", "ge", "lt", "le")
    for overload in ("Scalar", "Tensor")
}
CONVERSIONS = (aten._to_copy.default,)
READERS_OF_BOOLEANS = (*CONVERSIONS, aten.mul.Tensor, aten.where.self)
# Constants that only have the shape of activations.
ALIKE = (aten.zeros_like.default, aten.ones_like.default)
# Operations with two operands, either of which may be activations.
BINARY: dict[Any, Operator] = {
    **COMPARISONS,
    aten.add.Tensor: signed_sum(1, 1),
    aten.sub.Tensor: subtract,
    **dict.fromkeys((aten.rsub.Tensor, aten.rsub.Scalar), subtract_from),
    aten.mul.Tensor: multiply,
    aten.div.Tensor: divide,
    aten.maximum.default: extremes.of_two(largest=True),
    aten.minimum.default: extremes.of_two(largest=False),
}
# The number of operands that may be activations, where it is not 1.
OPERANDS = {
    **dict.fromkeys((*BINARY, aten.matmul.default, aten.bmm.default), 2),
    **dict.fromkeys((aten.where.self, aten._scaled_dot_product_flash_attention_for_cpu.default), 3),
}
# Operations with sizes as arguments, the batch size included; the output shape determines their rule.
SIZED: dict[Any, Operator] = {
    aten.view.default: selections.reshape,
    aten._unsafe_view.default: selections.reshape,
    aten.expand.default: selections.expand,
    aten.as_strided.default: selections.as_strided,
    aten.native_group_norm.default: normalization.group_norm,
}
# Operations with several outputs, each of which is a step, by its number.
PARTS: dict[Any, Callable[..., Rule]] = {
    **dict.fromkeys((aten.split.Tensor, aten.split_with_sizes.default), one_part(torch.split)),
    aten.unbind.int: one_part(torch.unbind),
}
# Operations without bounds whose names say little.
REASONS = {
    "_scaled_dot_product": "attention",
    "_pad_circular": "circular padding",
}
OPERATORS: dict[Any, Operator] = {
    **BINARY,
    **SIZED,
    aten.where.self: where,
    **dict.fromkeys((aten.clone.default, aten.detach.default, aten.alias.default), _same),
    **dict.fromkeys(CONVERSIONS, _same),
    **dict.fromkeys((aten.squeeze.dim, aten.squeeze.dims), selections.squeeze),
    aten.unsqueeze.default: selections.reshape,
    aten.permute.default: rearrange(torch.permute),
    aten.transpose.int: rearrange(torch.transpose),
    aten.select.int: rearrange(torch.select),
    aten.repeat.default: rearrange(torch.Tensor.repeat),
    aten.slice.Tensor: selections.cut,
    # Indices of the samples are none of the constants, so these keep them all, in their order.
    **{
        operator: rearrange(operator)
        for operator in (aten.index.Tensor, aten._unsafe_index.Tensor, aten.index_select.default)
    },
    aten.flip.default: selections.flip,
    aten.roll.default: selections.roll,
    aten.pixel_shuffle.default: rearrange(torch.pixel_shuffle),
    aten.pixel_unshuffle.default: rearrange(torch.pixel_unshuffle),
    aten.channel_shuffle.default: rearrange(torch.channel_shuffle),
    aten.upsample_nearest2d.vec: selections.nearest,
    aten.reflection_pad2d.default: rearrange(aten.reflection_pad2d),
    aten.replication_pad2d.default: rearrange(aten.replication_pad2d),
    aten.constant_pad_nd.default: selections.pad,
    aten.cat.default: selections.concatenate,
    aten.linear.default: _each(affine.linear),
    **dict.fromkeys((aten.matmul.default, aten.bmm.default), attention.matrix_product),
    aten._scaled_dot_product_flash_attention_for_cpu.default: attention.scaled_dot_product,
    aten.convolution.default: _each(affine.convolution),
    aten._native_batch_norm_legit_no_training.default: _batch_norm,
    aten.instance_norm.default: normalization.instance_norm,
    aten.native_layer_norm.default: normalization.layer_norm,
    aten.max_pool2d_with_indices.default: _max_pool(aten.max_pool2d_with_indices),
    aten.adaptive_max_pool2d.default: _max_pool(aten.adaptive_max_pool2d),
    **dict.fromkeys((aten.amax.default, aten.max.dim), extremes.over_dimensions(largest=True)),
    **dict.fromkeys((aten.amin.default, aten.min.dim), extremes.over_dimensions(largest=False)),
    aten.avg_pool2d.default: _mean_pool,
    **{
        operator: _resize(operator)
        for operator in (
            aten.upsample_bilinear2d.vec,
            aten.upsample_bicubic2d.vec,
        )
    },
    aten._adaptive_avg_pool2d.default: _reduce(aten._adaptive_avg_pool2d),
    aten.mean.dim: _reduce(torch.mean),
    aten.sum.dim_IntList: _reduce(torch.sum),
    aten.linalg_vector_norm.default: vector_norm,
    aten.relu.default: _fixed(activations.leaky_relu(0.0)),
    aten.leaky_relu.default: _each(activations.leaky_relu),
    aten._prelu_kernel.default: _prelu,
    aten.threshold.default: _each(activations.threshold),
    aten.hardtanh.default: _each(lambda low=-1.0, high=1.0: clamp(low, high)),
    aten.clamp.default: _each(clamp),
    aten.clamp_min.default: _each(clamp),
    aten.clamp_max.default: _each(partial(clamp, None)),
    aten.sigmoid.default: _fixed(functions.SIGMOID),
    aten.tanh.default: _fixed(functions.TANH),
    aten.elu.default: _each(functions.elu),
    aten.celu.default: _each(lambda alpha=1.0: functions.elu(alpha, 1.0, 1 / alpha)),
    aten.hardsigmoid.default: _fixed(functions.HARDSIGMOID),
    aten.log_sigmoid_forward.default: _fixed(functions.LOG_SIGMOID),
    aten.softplus.default: _each(functions.softplus),
    aten.gelu.default: _each(functions.gelu),
    aten.silu.default: _fixed(functions.SILU),
    aten.mish.default: _fixed(functions.MISH),
    aten.hardswish.default: _fixed(functions.HARDSWISH),
    aten.erf.default: _fixed(functions.ERF),
    aten.atan.default: _fixed(functions.ATAN),
    aten.exp.default: _fixed(functions.EXP),
    aten.log.default: _fixed(functions.LOG),
    aten.sqrt.default: _fixed(functions.SQRT),
    aten.rsqrt.default: _fixed(functions.RSQRT),
    aten.reciprocal.default: _fixed(functions.RECIPROCAL),
    aten.pow.Tensor_Scalar: _each(functions.power),
    aten.abs.default: _fixed(functions.ABSOLUTE),
    aten.neg.default: lambda shape, x: subtract(shape, 0.0, x),
    aten.round.default: _fixed(functions.ROUND),
    aten.floor.default: _fixed(functions.FLOOR),
    aten.ceil.default: _fixed(functions.CEIL),
    aten.sign.default: _fixed(functions.SIGN),
    aten._softmax.default: attention.softmax,
    aten._log_softmax.default: _log_softmax,
}
