"""Rules of operations that move, repeat or drop values: views, slices, padding, nearest resizing.

Each function is a line of `operators.OPERATORS`; see there for its arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from securemnist.certificates.operations.arithmetic import Activations
from securemnist.certificates.operations.concatenation import Concatenate
from securemnist.certificates.operations.links import Link
from securemnist.certificates.operations.rules import Rearrange, Rule, Shape
from securemnist.errors import NoCertificate

Operator = Callable[..., Rule | tuple[Rule | Link, ...] | None]


def reshape(shape: Shape, _x: Activations, *_sizes: Any) -> Rule:
    return Rearrange(lambda x: x.reshape(len(x), *shape))


def as_strided(shape: Shape, x: Activations, _sizes: Any, strides: Sequence[int]) -> None:
    """The identity: a mean of all positions writes the strides of channels-last layout."""
    sides = zip(shape, strides[1:], x.strides[1:], strict=True)
    same = strides[0] == x.strides[0] and all(side == 1 or a == b for side, a, b in sides)
    if shape != x.shape or not same:
        raise NoCertificate("expected strides that leave every value in its place, got others")


def squeeze(shape: Shape, x: Activations, dim: int | Sequence[int]) -> Rule:
    if _batch_among(x.shape, [dim] if isinstance(dim, int) else dim):
        raise NoCertificate("expected a batch dimension that stays, got it squeezed")
    return reshape(shape, x)


def expand(shape: Shape, _x: Activations, _size: Any) -> Rule:
    return Rearrange(lambda x: x.expand(len(x), *shape))


def rearrange(function: Callable[..., torch.Tensor]) -> Operator:
    """A selection by constant arguments; the output shape ensures that it keeps the batch dimension.

    An operation that keeps the shape and reorders samples, such as a flip, needs its own check.
    """
    return lambda _shape, _x, *rest: Rearrange(lambda x: function(x, *rest))


def flip(_shape: Shape, x: Activations, dims: list[int]) -> Rule:
    _check_order(x.shape, dims)
    return Rearrange(lambda t: t.flip(dims))


def roll(_shape: Shape, x: Activations, shifts: Any, dims: list[int] | None = None) -> Rule:
    _check_order(x.shape, dims or [0])  # without dimensions, a batch is one line of values
    return Rearrange(lambda t: t.roll(shifts, dims or ()))


def _check_order(shape: Shape, dims: Sequence[int]) -> None:
    if _batch_among(shape, dims):
        raise NoCertificate("expected samples that keep their order, got another")


def one_part(function: Callable[..., Sequence[torch.Tensor]]) -> Callable[..., Rule]:
    """The part of that number of a division of activations by constant arguments."""
    return lambda number, *rest: Rearrange(lambda x: function(x, *rest)[number])


def nearest(shape: Shape, x: Activations, *sizes: Any) -> Rule:
    """Resizing to the nearest pixel."""
    # The kernel rounds places in float32: so the numbers of pixels are resized, exact below 2^24.
    numbers = torch.arange(float(math.prod(x.shape[1:]))).view(1, 1, *x.shape[1:])
    places = torch.ops.aten.upsample_nearest2d.vec(numbers, *sizes).flatten().long()
    return Rearrange(lambda t: t.flatten(2)[..., places.to(t.device)].view(len(t), *shape))


def cut(_shape: Shape, _x: Activations, dim: int = 0, *limits: Any) -> Rule | None:
    """A slice."""
    # The output has the batch size, so a slice of the batch dimension is the whole batch.
    if dim == 0:
        return None
    return Rearrange(lambda t: torch.ops.aten.slice(t, dim, *limits))


def pad(_shape: Shape, x: Activations, pad: Sequence[int], value: float = 0) -> Rule:
    if value != 0:
        raise NoCertificate(f"expected padding of zeros, got {value}")
    if len(pad) > 2 * len(x.shape):
        raise NoCertificate("expected padding of each sample, got padding of the batch")
    return Rearrange(partial(F.pad, pad=list(pad)))


def concatenate(shape: Shape, tensors: Sequence[Any], dim: int = 0) -> Rule:
    dim %= len(shape) + 1
    constants = [None if isinstance(each, Activations) else each.double() for each in tensors]
    alike = (
        each is None or (each.dim() == len(shape) + 1 and len(each) == 1) for each in constants
    )
    if not all(alike):
        raise NoCertificate("expected constants of one sample to concatenate, got larger ones")
    return Concatenate(dim, tuple(constants))


def _batch_among(shape: Shape, dims: Sequence[int]) -> bool:
    return any(dim % (len(shape) + 1) == 0 for dim in dims)
