"""Smooth companions of discrete tensors, through which gradients reach the pixels.

A boolean or integer tensor carries a companion of the same values in floating point, whose gradient is
that of a smooth function. An integer tensor of class indices carries a distribution over the classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch

_COMPANION, _DISTRIBUTION = "_securemnist_companion", "_securemnist_distribution"
# Keeps denominators above 0.
_TINY = 1e-12
_SMOOTH_VALUES: ContextVar[bool] = ContextVar("smooth values", default=False)


@contextmanager
def smooth_values() -> Iterator[None]:
    """A context in which a step has the values of its smooth function, not its gradient alone."""
    before = _SMOOTH_VALUES.set(True)
    try:
        yield
    finally:
        _SMOOTH_VALUES.reset(before)


def values_are_smooth() -> bool:
    """Whether the code runs inside `smooth_values`."""
    return _SMOOTH_VALUES.get()


class _Through(torch.autograd.Function):
    """The values of the first tensor with the gradient of the second."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, smooth: torch.Tensor) -> torch.Tensor:
        ctx.form = smooth.dtype
        return values.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return None, gradients[0].to(ctx.form)


def through(values: torch.Tensor, smooth: torch.Tensor) -> torch.Tensor:
    """The floating-point `values`, bit for bit, with the gradient of `smooth` (of the same shape).

    Inside `smooth_values` it is `smooth` itself.
    """
    if _SMOOTH_VALUES.get():
        return smooth.to(values.dtype)
    replaced: torch.Tensor = _Through.apply(values.detach(), smooth)  # type: ignore[no-untyped-call]
    return replaced


def companion(value: Any) -> torch.Tensor | None:
    """The smooth companion of a discrete tensor; None where it has none."""
    return getattr(value, _COMPANION, None) if isinstance(value, torch.Tensor) else None


def distribution(value: Any) -> torch.Tensor | None:
    """The distribution (..., K) over the classes of an index tensor (...); None where it has none."""
    return getattr(value, _DISTRIBUTION, None) if isinstance(value, torch.Tensor) else None


def smooth_of(value: Any) -> Any:
    """The tensor that gradients go through: the companion of a discrete tensor, else the value."""
    found = companion(value)
    return value if found is None else found


def with_companion(values: torch.Tensor, smooth: torch.Tensor) -> torch.Tensor:
    """The same values with the gradient of `smooth`; a discrete tensor gets a companion."""
    if values.is_floating_point():
        return through(values, smooth)
    setattr(values, _COMPANION, through(values.to(smooth.dtype), smooth))
    return values


def with_distribution(indices: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """The index tensor, which carries a distribution over the classes."""
    setattr(indices, _DISTRIBUTION, classes)
    return indices


def step(difference: torch.Tensor) -> torch.Tensor:
    """A smooth step from 0 to 1 at 0, whose slope is above 0 everywhere."""
    return (1 + soft_sign(difference)) / 2


def soft_sign(value: torch.Tensor) -> torch.Tensor:
    """A smooth sign: value / (size + |value|), with the mean size of the sample's values."""
    return value / (_size(value) + value.abs())


def bump(difference: torch.Tensor) -> torch.Tensor:
    """A smooth indicator of equality: 1 at 0, falling on both sides."""
    return 1 / (1 + (difference / _size(difference)).abs())


def soft_classes(scores: torch.Tensor, dim: int) -> torch.Tensor:
    """Softmax of scores along `dim`, moved to the end, in units of their standard deviation.

    In its own units the softmax of a confident network has no gradient left.
    """
    scores = scores if scores.is_floating_point() else scores.float()
    scale = scores.detach().std(dim, keepdim=True, unbiased=False).clamp_min(_TINY)
    return (scores / scale).softmax(dim).movedim(dim, -1)


def _size(value: torch.Tensor) -> torch.Tensor:
    """Mean absolute value of each sample, in a shape that broadcasts."""
    sizes = value.detach().abs()
    over = tuple(range(1, value.dim()))
    mean = sizes.mean(over, keepdim=True) if over else sizes.mean()
    return mean.clamp_min(_TINY)


def copy_companions(source: Any, target: torch.Tensor) -> torch.Tensor:
    """The target, which carries the companion and the distribution of the source from now on."""
    for name in (_COMPANION, _DISTRIBUTION):
        if (found := getattr(source, name, None)) is not None:
            setattr(target, name, found)
    return target
