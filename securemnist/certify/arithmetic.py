"""Arithmetic: sums, products and comparisons of activations, with constants or with each other."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch

from securemnist.certify import affine
from securemnist.certify.activations import Step
from securemnist.certify.boxes import holds
from securemnist.certify.rules import Rule, Shape, Sum
from securemnist.errors import NoCertificate


def _broadcast(constant: Any, shape: Shape) -> torch.Tensor:
    """A number, or a tensor that is broadcast over digits of this shape; float64."""
    value = torch.as_tensor(constant).detach().double()
    if value.dim() > len(shape) + 1 or (value.dim() == len(shape) + 1 and len(value) != 1):
        raise NoCertificate(
            "expected a constant that is the same for every digit, got a larger one"
        )
    _check_held(value)  # a single float64 number is rounded where it is used
    return value.reshape(value.shape[-len(shape) :]) if value.dim() else value


def _check_held(constant: torch.Tensor) -> None:
    if not holds(constant):
        raise NoCertificate("expected constants that float32 holds, got others")


def _scaled(kind: str, constant: Any, shape: Shape, *, first: bool) -> Rule:
    """X + c, x - c, c - x, x * c or x / c with a constant that is the same for every digit."""
    value = _broadcast(constant, shape)
    one, nothing = torch.ones_like(value), torch.zeros_like(value)
    if kind == "add":
        return affine.elementwise(one, value, value.abs())
    if kind == "sub":
        sign = -1 if first else 1
        return affine.elementwise(sign * one, -sign * value, value.abs())
    if kind == "mul":
        return affine.elementwise(value, nothing, nothing)
    if first:
        raise NoCertificate("expected a division by a constant, got one by activations")
    inverse = 1 / value  # by which a device may multiply instead
    _check_held(inverse)
    return affine.elementwise(inverse, nothing, nothing)


def arithmetic(kind: str, operands: Sequence[Any], shape: Shape, tracked: Sequence[bool]) -> Rule:
    """The rule of one of these kinds; `tracked` says which operand depends on the image."""
    if kind in _COMPARED:
        if tracked != [True, False]:
            raise NoCertificate("expected a comparison with a constant, got another")
        return Step(_COMPARED[kind], _broadcast(operands[1], shape))
    if all(tracked):
        if kind not in ("add", "sub"):
            raise NoCertificate(f"expected products with constants, got {kind} of two activations")
        return Sum(1 if kind == "add" else -1)
    first = not tracked[0]
    return _scaled(kind, operands[0 if first else 1], shape, first=first)


_COMPARED = {"gt": torch.gt, "ge": torch.ge, "lt": torch.lt, "le": torch.le}
# What gives truth values, which only a cast to float32 may read.
COMPARISONS: dict[Any, str] = {
    target: kind
    for kind, function in _COMPARED.items()
    for target in (getattr(operator, kind), function, kind)
}
CASTS = ("float", "to", "type")
ARITHMETIC: dict[Any, str] = {
    **COMPARISONS,
    **dict.fromkeys((operator.add, torch.add, "add", operator.iadd, "add_"), "add"),
    **dict.fromkeys((operator.sub, torch.sub, "sub", operator.isub, "sub_"), "sub"),
    **dict.fromkeys((operator.mul, torch.mul, "mul", operator.imul, "mul_"), "mul"),
    **dict.fromkeys(
        (operator.truediv, torch.div, torch.true_divide, "div", operator.itruediv, "div_"), "div"
    ),
}
