"""Precision: the coarsest floating-point format that a model computes in, and a copy in float64."""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from securemnist.attacks.base import channels_last
from securemnist.types import Images

FINE = torch.finfo(torch.float64).eps
# Images that a format is read off, and logits that a copy has to repeat up to this many roundings.
_FEW, _ROUNDINGS = 8, 64


class _Formats(TorchDispatchMode):
    """Notes the coarsest format among all tensors of more than one number that are computed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.eps = 0.0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: to exclude a class from compilation torch imports its compiler, which takes a second."""
        return False

    def __torch_dispatch__(
        self, func: Callable[..., Any], _types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            some = isinstance(tensor, torch.Tensor) and tensor.numel() > 1
            if some and tensor.is_floating_point():
                self.eps = max(self.eps, torch.finfo(tensor.dtype).eps)
        return made


def _formats() -> type[_Formats]:
    """The class to use: excluded from compilation where a model may be a compiled one."""
    return _excluded() if "torch._dynamo" in sys.modules else _Formats


@functools.cache
def _excluded() -> type[_Formats]:
    dispatch = torch.compiler.disable(_Formats.__torch_dispatch__)
    return type("_Excluded", (_Formats,), {"__torch_dispatch__": dispatch})


@torch.no_grad()
def rounding(model: nn.Module, x: Images) -> float:
    """The relative rounding of the coarsest format between pixels and logits: 2**-23 of float32."""
    with _formats()() as seen:
        model(channels_last(x[:_FEW]))
    return seen.eps or torch.finfo(torch.float32).eps


@torch.no_grad()
def in_float64(model: nn.Module, x: Images) -> nn.Module | None:
    """A copy of the model that computes in float64 throughout; None where it cannot be had.

    Its logits have to be those of the model, up to the rounding of the model's own format.
    """
    few = x[:_FEW]
    try:
        double = copy.deepcopy(model).double()
        if rounding(double, few.double()) > FINE:
            return None
        there, here = double(few.double()), model(channels_last(few)).double()
    except Exception:  # whatever a model raises in a format that it does not know
        return None
    size = here.abs().amax(1, keepdim=True)
    same = (there - here).abs() <= _ROUNDINGS * rounding(model, few) * size
    return double if bool(same.all()) else None
