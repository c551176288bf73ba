"""Rules of products of activations, softmax, and scaled dot-product attention.

Each function is a line of `operators.OPERATORS`; see there for its arguments.
"""

from __future__ import annotations

from typing import Any

import torch

from securemnist.certificates.operations import affine
from securemnist.certificates.operations.arithmetic import Activations
from securemnist.certificates.operations.links import Link
from securemnist.certificates.operations.matrix_products import MatrixProduct
from securemnist.certificates.operations.rules import LogSoftmax, Rule, Shape
from securemnist.certificates.operations.softmax import Softmax
from securemnist.errors import NoCertificate


def matrix_product(_shape: Shape, one: Any, other: Any) -> Rule:
    """A product of activations with a constant matrix, or with other activations."""
    if not isinstance(one, Activations):
        raise NoCertificate("expected a product of activations with a matrix, got a constant first")
    if isinstance(other, Activations):
        if min(len(one.shape), len(other.shape)) < 2 or one.shape[:-2] != other.shape[:-2]:
            raise NoCertificate(
                f"expected a product of as many matrices, got shapes {one.shape} and {other.shape}"
            )
        return MatrixProduct()
    if other.dim() != 2:
        raise NoCertificate("expected a product with one constant matrix, got several")
    return affine.linear(other.t().contiguous())


def softmax(shape: Shape, _x: Activations, dim: int, _half_to_float: bool = False) -> Rule:
    """Over the classes it leaves margins of logits; elsewhere its values have bounds."""
    dim %= len(shape) + 1
    if dim == 0:
        raise NoCertificate("expected softmax of each sample, got it over the batch")
    if len(shape) == 1:
        return LogSoftmax(exponential=True)
    return Softmax(dim, shape[dim - 1])


def scaled_dot_product(
    shape: Shape,
    query: Activations,
    key: Activations,
    value: Activations,
    dropout: float = 0.0,
    causal: bool = False,
    *,
    attn_mask: torch.Tensor | None = None,
    scale: float | None = None,
) -> tuple[Link, ...]:
    """softmax(query @ key^T * scale) @ value (Vaswani et al. 2017, arXiv 1706.03762)."""
    operands = (query, key, value)
    if causal or dropout or attn_mask is not None or not all(map(_is_activations, operands)):
        raise NoCertificate("expected attention of activations without a mask, got another one")
    if len({x.shape[:-2] for x in operands}) != 1:
        raise NoCertificate("expected as many heads of each kind, got different numbers")
    scores = (*query.shape[:-1], key.shape[-2])
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    zero = torch.zeros((), dtype=torch.float64)
    return (
        Link(MatrixProduct(transposes=True), scores, (0, 1)),
        Link(affine.elementwise(zero + scale, zero, zero), scores),
        Link(Softmax(len(scores), scores[-1]), scores),
        Link(MatrixProduct(), shape, (2,)),
    )


def _is_activations(operand: Any) -> bool:
    return isinstance(operand, Activations)
