"""Rules of affine operations: linear, convolution, batch norm, means and sums, scaling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch.nn.grad import conv2d_input

from securemnist.certificates.operations.intervals import SMALLEST, representable
from securemnist.certificates.operations.rules import Affine, Shape, transposed
from securemnist.errors import NoCertificate


def elementwise(scale: torch.Tensor, shift: torch.Tensor, size: torch.Tensor) -> Affine:
    """Scale * x + shift; both tensors broadcast over the samples. `size` as in `Affine`."""
    return Affine(
        linear=lambda x: x * scale,
        absolute=lambda x: x * scale.abs(),
        transposed=lambda weights, _shape: weights * scale.to(weights.dtype),
        shift=shift,
        size=size,
        # A product and a sum; batch norm's scale is itself the result of a few rounded operations.
        terms=16,
        mixes=False,
    )


def linear(weight: torch.Tensor, bias: torch.Tensor | None = None) -> Affine:
    """X @ weight.T + bias over the last dimension: `weight` (outputs, inputs)."""
    weight, shift = weight.double(), _bias(bias, weight)
    return Affine(
        linear=lambda x: F.linear(x, weight),
        absolute=lambda x: F.linear(x, weight.abs()),
        transposed=lambda weights, _shape: weights @ weight.to(weights.dtype),
        shift=shift,
        size=shift.abs(),
        terms=weight.shape[1] + 4,
    )


def convolution(weight: torch.Tensor, bias: torch.Tensor | None, *settings: Any) -> Affine:
    """A 2-D convolution with zero padding: the arguments of aten.convolution."""
    stride, padding, dilation, transposes, _, groups = settings
    if transposes or weight.dim() != 4:
        raise NoCertificate("expected a 2-D convolution, got a transposed one or other dimensions")
    weight, shift = weight.double(), _bias(bias, weight).view(-1, 1, 1)
    geometry = (stride, padding, dilation, groups)
    return Affine(
        linear=lambda x: F.conv2d(x, weight, None, *geometry),
        absolute=lambda x: F.conv2d(x, weight.abs(), None, *geometry),
        transposed=lambda weights, shape: conv2d_input(
            shape, weight.to(weights.dtype), weights, *geometry
        ),
        shift=shift,
        size=shift.abs(),
        terms=weight[0].numel() + 4,
    )


def _bias(bias: torch.Tensor | None, weight: torch.Tensor) -> torch.Tensor:
    return weight.new_zeros(len(weight)).double() if bias is None else bias.double()


def batch_norm(
    shape: Shape,
    weight: torch.Tensor | None,
    bias: torch.Tensor | None,
    mean: torch.Tensor,
    var: torch.Tensor,
    _momentum: float,
    eps: float,
) -> Affine:
    """Batch norm with running statistics, one value per channel, of samples of this shape."""
    spread = var.double() + eps
    if not (bool((var >= 0).all()) and eps >= 0 and bool((spread >= SMALLEST).all())):
        raise NoCertificate(
            "expected batch norm with variances and eps of 0 or more that float32 represents, got others"
        )
    mean, scale = mean.double(), spread.rsqrt()
    if weight is not None:
        scale = scale * weight.double()
    if not representable(scale):
        raise NoCertificate("expected batch norm with scales that float32 represents, got others")
    beta = torch.zeros_like(mean) if bias is None else bias.double()
    scale, scaled_mean, beta = (channels(t, shape) for t in (scale, mean * scale, beta))
    return elementwise(scale, beta - scaled_mean, scaled_mean.abs() + beta.abs())


def channels(values: torch.Tensor, shape: Shape) -> torch.Tensor:
    """One value per channel, broadcast over samples of this shape."""
    return values.view(-1, *[1] * (len(shape) - 1))


def pooled(
    pool: Callable[[torch.Tensor], torch.Tensor],
    terms: int | None = None,
    divisor: float | None = None,
) -> Affine:
    """A mean or sum over windows or dimensions: a linear map without negative weights.

    `terms` is the number of inputs of one output; None means at most a sample's number of inputs.
    """
    if divisor is not None and not divisor > 0:
        raise NoCertificate(f"expected a mean with a divisor above 0, got {divisor}")
    zero = torch.zeros(())
    return Affine(pool, pool, transposed(pool), zero, zero, terms)
