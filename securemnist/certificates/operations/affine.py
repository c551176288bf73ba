"""Rules of affine operations: linear, convolution, batch norm, means and sums, scaling."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F

from securemnist.certificates.operations.intervals import SMALLEST, representable
from securemnist.certificates.operations.rules import Affine, Shape, summed, transposed
from securemnist.errors import NoCertificate

aten = torch.ops.aten


def elementwise(scale: torch.Tensor, shift: torch.Tensor, size: torch.Tensor) -> Affine:
    """Scale * x + shift; both tensors broadcast over the samples. `size` as in `Affine`."""
    return Affine(
        linear=lambda x: x * scale,
        absolute=lambda x: x * scale.abs(),
        transposed=lambda weights, shape: summed(weights * scale.to(weights.dtype), shape),
        shift=shift,
        size=size,
        # A product and a sum; batch norm's scale is itself the result of a few rounded operations.
        terms=16,
        mixes=False,
    )


def linear(weight: torch.Tensor, bias: torch.Tensor | None = None) -> Affine:
    """X @ weight.T + bias over the last dimension: `weight` (outputs, inputs)."""
    weight = weight.double()
    shift = weight.new_zeros(len(weight)) if bias is None else bias.double()
    return Affine(
        linear=lambda x: F.linear(x, weight),
        absolute=lambda x: F.linear(x, weight.abs()),
        transposed=lambda weights, _shape: weights @ weight.to(weights.dtype),
        shift=shift,
        size=shift.abs(),
        terms=weight.shape[1] + 4,
    )


def convolution(weight: torch.Tensor, bias: torch.Tensor | None, *settings: Any) -> Affine:
    """A convolution with zero padding, transposed or not: the arguments of aten.convolution."""
    transposes, groups = settings[3], settings[5]
    weight, outputs = weight.double(), weight.shape[1] * groups if transposes else len(weight)
    shift = weight.new_zeros(outputs) if bias is None else bias.double()
    shift = shift.view(-1, *[1] * (weight.dim() - 2))
    of_each = weight[:, 0].numel() if transposes else weight[0].numel()

    def backward(weights: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        like, kernel = weights.new_zeros(()).expand(shape), weight.to(weights.dtype)
        product: torch.Tensor
        product, *_ = aten.convolution_backward(
            weights, like, kernel, None, *settings, (True, False, False)
        )
        return product

    return Affine(
        linear=lambda x: aten.convolution(x, weight, None, *settings),
        absolute=lambda x: aten.convolution(x, weight.abs(), None, *settings),
        transposed=backward,
        shift=shift,
        size=shift.abs(),
        terms=of_each + 4,
    )


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


def resizing(
    function: Callable[..., torch.Tensor],
    sides: Sequence[int],
    sizes: Sequence[int] | None,
    align_corners: bool,
    factors: Sequence[float] | None,
) -> Affine:
    """Bilinear or bicubic resizing of rows and columns: the arguments of `function`, of aten.upsample."""
    # The kernel rounds its weights in float32. So they are read off its outputs: (size, new size).
    matrices = [
        function(
            torch.eye(side).view(1, side, side, 1),
            sizes and [sizes[axis], 1],
            align_corners,
            factors and [factors[axis], 1.0],
        )[0, :, :, 0]
        for axis, side in enumerate(sides)
    ]
    sizes_of_weights = [matrix.abs() for matrix in matrices]
    terms = math.prod(int((matrix != 0).sum(0).amax()) for matrix in matrices)
    zero = torch.zeros(())
    return Affine(
        linear=lambda x: _by_rows_and_columns(x, *matrices),
        absolute=lambda x: _by_rows_and_columns(x, *sizes_of_weights),
        transposed=lambda w, _shape: _by_rows_and_columns(w, *(each.T for each in matrices)),
        shift=zero,
        size=zero,
        # The weights themselves have errors of some units.
        terms=terms + 64,
    )


def _by_rows_and_columns(
    x: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor
) -> torch.Tensor:
    return rows.T.to(x) @ x @ columns.to(x)
