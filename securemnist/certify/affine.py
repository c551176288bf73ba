"""Affine maps of a network, from their tensors: linear, convolution, batch norm, means, scaling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.grad import conv2d_input

from securemnist.certify.boxes import SMALLEST, holds
from securemnist.certify.rules import Affine, Shape, pulled_back
from securemnist.errors import NoCertificate

Length = int | tuple[int, ...]


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


def linear(weight: torch.Tensor, bias: torch.Tensor | None = None) -> Affine:
    """Every output a sum over the last dimension: `weight` (outputs, inputs)."""
    weight, shift = weight.double(), _bias(bias, weight)
    return Affine(
        linear=lambda x: F.linear(x, weight),
        absolute=lambda x: F.linear(x, weight.abs()),
        transposed=lambda weights, _shape: weights @ weight,
        shift=shift,
        size=shift.abs(),
        terms=weight.shape[1] + 4,
    )


def convolution(
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: Length = 1,
    padding: Length | str = 0,
    dilation: Length = 1,
    groups: int = 1,
) -> Affine:
    """A convolution of planes, with zeros around them: the arguments of F.conv2d."""
    weight, shift = weight.double(), _bias(bias, weight).view(-1, 1, 1)
    geometry: Any = (stride, _in_numbers(padding, dilation, weight), dilation, groups)
    return Affine(
        linear=lambda x: F.conv2d(x, weight, None, *geometry),
        absolute=lambda x: F.conv2d(x, weight.abs(), None, *geometry),
        transposed=lambda weights, shape: conv2d_input(shape, weight, weights, *geometry),
        shift=shift,
        size=shift.abs(),
        terms=weight[0].numel() + 4,
    )


def _bias(bias: torch.Tensor | None, weight: torch.Tensor) -> torch.Tensor:
    return weight.new_zeros(len(weight)).double() if bias is None else bias.double()


def _in_numbers(padding: Length | str, dilation: Length, weight: torch.Tensor) -> Length:
    """Padding in numbers: "same" is as much on either side where kernels are odd."""
    if not isinstance(padding, str):
        return padding
    if padding == "valid":
        return 0
    apart = (dilation, dilation) if isinstance(dilation, int) else dilation
    reach = [d * (k - 1) for d, k in zip(apart, weight.shape[2:], strict=True)]
    if any(length % 2 for length in reach):
        raise NoCertificate(
            f"expected padding in numbers, or an odd kernel, got padding {padding!r}"
        )
    return tuple(length // 2 for length in reach)


def batch_norm(
    mean: torch.Tensor,
    var: torch.Tensor,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    eps: float,
    shape: Shape,
) -> Affine:
    """Batch norm with running statistics, a value a channel, of activations of this shape a digit."""
    spread = var.double() + eps
    if not (bool((var >= 0).all()) and eps >= 0 and bool((spread >= SMALLEST).all())):
        raise NoCertificate(
            "expected batch norm with variances of 0 or more and an eps that float32 holds, got another"
        )
    mean, scale = mean.double(), spread.rsqrt()
    if weight is not None:
        scale = scale * weight.double()
    if not holds(scale):
        raise NoCertificate("expected batch norm with scales that float32 holds, got others")
    added = torch.zeros_like(mean) if bias is None else bias.double()
    scale, moved, added = (channels(t, shape) for t in (scale, mean * scale, added))
    return elementwise(scale, added - moved, moved.abs() + added.abs())


def channels(values: torch.Tensor, shape: Shape) -> torch.Tensor:
    """A value a channel, to be broadcast over activations of this shape a digit."""
    return values.view(-1, *[1] * (len(shape) - 1))


def pooled(
    pool: Callable[[torch.Tensor], torch.Tensor],
    terms: int | None = None,
    divisor: float | None = None,
) -> Affine:
    """A mean or a sum over windows: weights of one sign.

    `terms`: how many a window has; None: at most as many as there are in a digit.
    """
    if divisor is not None and not divisor > 0:
        raise NoCertificate(f"expected a mean over a number above 0, got one over {divisor}")
    nothing = torch.zeros(())
    return Affine(pool, pool, pulled_back(pool), nothing, nothing, terms)
