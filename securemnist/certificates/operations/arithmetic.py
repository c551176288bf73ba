"""Rules of sums, products and comparisons, between activations or with constants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from securemnist.certificates.operations import affine
from securemnist.certificates.operations.activations import Comparison
from securemnist.certificates.operations.functions import RECIPROCAL
from securemnist.certificates.operations.intervals import representable
from securemnist.certificates.operations.quotients import Quotient
from securemnist.certificates.operations.rules import Product, Rule, Shape, Sum
from securemnist.errors import NoCertificate


@dataclass(frozen=True)
class Activations:
    """An argument that depends on the image, with its shape per sample.

    `strides`: those of a batch in memory, one more than the shape has sides.
    """

    shape: Shape
    strides: Sequence[int] = ()


def signed_sum(sign: int, sign_of_other: int) -> Callable[..., Rule]:
    """The rule of sign * one + sign_of_other * other, in the order of the arguments; alpha is 1."""

    def rule(shape: Shape, one: Any, other: Any, alpha: float = 1) -> Rule:
        if alpha != 1:
            raise NoCertificate(f"expected a sum without a factor, got alpha {alpha}")
        if _both(one, other):
            return Sum((sign, sign_of_other))
        signs = (sign, sign_of_other)
        constant, of_activations, of_constant = (
            (other, *signs) if isinstance(one, Activations) else (one, *reversed(signs))
        )
        value = broadcast(constant, shape)
        scale = of_activations * torch.ones_like(value)
        return affine.elementwise(scale, of_constant * value, value.abs())

    return rule


def multiply(shape: Shape, one: Any, other: Any) -> Rule:
    """One * other."""
    if _both(one, other):
        return Product()
    return _scaled(broadcast(other if isinstance(one, Activations) else one, shape))


def divide(shape: Shape, one: Any, other: Any) -> Rule | tuple[Rule, ...]:
    """One / other."""
    if _both(one, other):
        return Quotient()
    if isinstance(other, Activations):
        value = broadcast(one, shape)
        copies = () if other.shape == shape else (_scaled(value.new_ones(shape)),)
        return (*copies, RECIPROCAL, _scaled(value))
    # A kernel may multiply by the inverse instead.
    return _scaled(_checked(1 / broadcast(other, shape)))


def compare(function: Callable[..., torch.Tensor]) -> Callable[..., Rule]:
    """A comparison (torch.gt, ge, lt or le) with a constant, as 0 and 1."""

    def rule(shape: Shape, one: Any, other: Any) -> Rule:
        if not isinstance(one, Activations) or isinstance(other, Activations):
            raise NoCertificate("expected a comparison with a constant, got another comparison")
        return Comparison(function, broadcast(other, shape))

    return rule


def broadcast(constant: Any, shape: Shape) -> torch.Tensor:
    """A number or tensor as float64, reshaped to broadcast over samples of this shape."""
    value = torch.as_tensor(constant).detach().double()
    if value.dim() > len(shape) + 1 or (value.dim() == len(shape) + 1 and len(value) != 1):
        raise NoCertificate(
            "expected a constant that is the same for each sample, got a larger one"
        )
    _checked(value)  # the kernel rounds a float64 number to float32
    return value.reshape(value.shape[-len(shape) :]) if value.dim() else value


def _both(*operands: Any) -> bool:
    """Whether both are activations; a batch dimension that meets another one has a shape without rule."""
    return all(isinstance(operand, Activations) for operand in operands)


def _scaled(value: torch.Tensor) -> Rule:
    return affine.elementwise(value, torch.zeros_like(value), torch.zeros_like(value))


def _checked(constant: torch.Tensor) -> torch.Tensor:
    if not representable(constant):
        raise NoCertificate("expected constants that float32 represents, got others")
    return constant
