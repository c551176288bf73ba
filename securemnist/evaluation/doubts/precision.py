"""Floating-point formats: the coarsest format that a model computes in, and a copy in float64."""

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

from securemnist.batches import channels_last
from securemnist.types import Images

FINE = torch.finfo(torch.float64).eps
# Number of images for the tests below, and allowed rounding errors of a copy.
_FEW, _ROUNDINGS = 8, 64


class _Formats(TorchDispatchMode):
    """Record of the coarsest format among all computed tensors of more than one number."""

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
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            numeric = isinstance(tensor, torch.Tensor) and tensor.numel() > 1
            if numeric and tensor.is_floating_point():
                self.eps = max(self.eps, torch.finfo(tensor.dtype).eps)
        return result


def _formats() -> type[_Formats]:
    """`_Formats`, excluded from compilation where torch's compiler is loaded."""
    return _excluded() if "torch._dynamo" in sys.modules else _Formats


@functools.cache
def _excluded() -> type[_Formats]:
    dispatch = torch.compiler.disable(_Formats.__torch_dispatch__)
    return type("_Excluded", (_Formats,), {"__torch_dispatch__": dispatch})


@torch.no_grad()
def rounding(model: nn.Module, x: Images) -> float:
    """Relative rounding of the coarsest format between pixels and logits: 2**-23 for float32."""
    with _formats()() as formats:
        model(channels_last(x[:_FEW]))
    return formats.eps or torch.finfo(torch.float32).eps


@torch.no_grad()
def in_float64(model: nn.Module, x: Images) -> nn.Module | None:
    """A copy of the model that computes in float64 throughout; None where that fails.

    Its logits have to equal those of the model up to the rounding of the model's own format.
    """
    first = x[:_FEW]
    try:
        double = copy.deepcopy(model).double()
        if rounding(double, first.double()) > FINE:
            return None
        double_logits, own_logits = double(first.double()), model(channels_last(first)).double()
    except Exception:  # a model may raise anything in a format that it does not support
        return None
    size = own_logits.abs().amax(1, keepdim=True)
    same = (double_logits - own_logits).abs() <= _ROUNDINGS * rounding(model, first) * size
    return double if bool(same.all()) else None
