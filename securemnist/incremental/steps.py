"""Local steps of a graph: each output depends on the inputs in a window around its place.

A new operation is a function and a line in `LOCAL`. The function gets the node's arguments, with the
values of constants. It returns the step, or None where its arguments make it no local one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from securemnist.incremental.rectangle import Rectangle

aten = torch.ops.aten
# Computes the outputs of a window from the inputs that it reads, one tensor (n, C, h, w) each.
Function = Callable[..., torch.Tensor]


@dataclass(frozen=True)
class Window:
    """The inputs of one output along rows or columns: `kernel` places, `dilation` apart.

    The first output reads from `padding` places before the first input on, each next one from `stride`
    places later.
    """

    kernel: int = 1
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def reads_inputs(self) -> bool:
        """Whether each output reads an input, and not padding alone."""
        return self.padding <= self.dilation * (self.kernel - 1)

    def outputs(self, low: int, high: int, size: int) -> tuple[int, int]:
        """The range of outputs, of `size`, that read an input of the range from `low` to `high`."""
        reach = self.dilation * (self.kernel - 1)
        first = min(max(0, -((reach - self.padding - low) // self.stride)), size - 1)
        last = min((high - 1 + self.padding) // self.stride + 1, size)
        return first, max(last, first + 1)

    def inputs(self, low: int, high: int) -> tuple[int, int]:
        """The range of inputs that the outputs from `low` to `high` read; it may leave the map."""
        first = low * self.stride - self.padding
        reach = (high - 1 - low) * self.stride + self.dilation * (self.kernel - 1)
        return first, first + reach + 1


@dataclass(frozen=True)
class LocalOperation:
    """A function of windows; `fill` is the value of places outside the map."""

    function: Function
    rows: Window = Window()
    columns: Window = Window()
    fill: float = 0.0

    def outputs(self, changed: Rectangle, size: Sequence[int]) -> Rectangle:
        """The outputs, in a map of `size` (H, W), that read a changed input."""
        return Rectangle(
            *self.rows.outputs(changed.top, changed.bottom, size[0]),
            *self.columns.outputs(changed.left, changed.right, size[1]),
        )

    def inputs(self, outputs: Rectangle) -> Rectangle:
        """The inputs that these outputs read, some of them outside the map."""
        return Rectangle(
            *self.rows.inputs(outputs.top, outputs.bottom),
            *self.columns.inputs(outputs.left, outputs.right),
        )


# A placeholder for the map of an input among the arguments of an operation.
MAP = object()
Builder = Callable[..., LocalOperation | None]


def local_operation(
    target: Any, args: Sequence[Any], kwargs: dict[str, Any]
) -> LocalOperation | None:
    """The local operation of an ATen call whose maps are `MAP`; None where it is not local."""
    builder = LOCAL.get(target)
    return None if builder is None else builder(target, *args, **kwargs)


def _elementwise(target: Any, *args: Any, **kwargs: Any) -> LocalOperation | None:
    """A function of single activations; constants may differ by channel only."""
    if any(isinstance(arg, torch.Tensor) and not _same_everywhere(arg) for arg in args):
        return None

    def function(*maps: torch.Tensor) -> torch.Tensor:
        left = iter(maps)
        out: torch.Tensor = target(*(next(left) if arg is MAP else arg for arg in args), **kwargs)
        return out

    return LocalOperation(function)


def _same_everywhere(constant: torch.Tensor) -> bool:
    return all(size == 1 for size in constant.shape[-2:])


def _batch_norm(target: Any, _x: object, *rest: Any) -> LocalOperation:
    return LocalOperation(lambda x: target(x, *rest)[0])


def _concatenate(_target: Any, maps: Sequence[Any], dim: int = 0) -> LocalOperation | None:
    if dim not in (1, -3) or any(each is not MAP for each in maps):
        return None
    return LocalOperation(lambda *parts: torch.cat(parts, 1))


def _same(_target: Any, _x: object, **_options: Any) -> LocalOperation:
    return LocalOperation(lambda x: x)


def _first_output(_target: Any, _x: object, index: int) -> LocalOperation | None:
    """The first output of an operation with several; the functions here return that one alone."""
    return LocalOperation(lambda x: x) if index == 0 else None


def _convolution(
    target: Any, x: object, weight: Any, bias: Any, stride: Sequence[int], padding: Sequence[int],
    dilation: Sequence[int], transposed: bool, _output_padding: Any, groups: int,
) -> LocalOperation | None:  # fmt: skip
    if transposed or x is not MAP or weight is MAP or len(stride) != 2:
        return None
    rows, columns = map(Window, weight.shape[2:], stride, padding, dilation)
    if not (rows.reads_inputs and columns.reads_inputs):
        return None

    def function(patch: torch.Tensor) -> torch.Tensor:
        none = [0, 0]
        out: torch.Tensor = target(patch, weight, bias, stride, none, dilation, False, none, groups)
        return out

    return LocalOperation(function, rows, columns)


def _pooling(
    function: Callable[..., torch.Tensor],
    fill: float,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int] = (1, 1),
) -> LocalOperation:
    """A pooling by `function(kernel, stride, patch)`; an empty stride is the kernel, as in ATen."""
    kernel, stride = list(kernel), list(stride or kernel)
    rows, columns = map(Window, kernel, stride, padding, dilation)
    return LocalOperation(partial(function, kernel, stride), rows, columns, fill)


def _max_pool(
    target: Any, _x: object, kernel: Sequence[int], stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0), dilation: Sequence[int] = (1, 1), ceil: bool = False,
) -> LocalOperation | None:  # fmt: skip
    def function(kernel: Any, stride: Any, patch: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = target(patch, kernel, stride, [0, 0], dilation)[0]
        return out

    if ceil:
        return None
    return _pooling(function, -torch.inf, kernel, stride, padding, dilation)


def _mean_pool(
    target: Any, _x: object, kernel: Sequence[int], stride: Sequence[int] = (),
    padding: Sequence[int] = (0, 0), ceil: bool = False, counts_padding: bool = True,
    divisor: int | None = None,
) -> LocalOperation | None:  # fmt: skip
    def function(kernel: Any, stride: Any, patch: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = target(patch, kernel, stride, [0, 0], False, True, divisor)
        return out

    if ceil or (any(padding) and not counts_padding):
        return None
    return _pooling(function, 0.0, kernel, stride, padding)


_ELEMENTWISE = (
    "relu", "_prelu_kernel", "leaky_relu", "hardtanh", "clamp", "clamp_min", "clamp_max", "sigmoid",
    "tanh", "elu", "softplus", "gelu", "silu", "mish", "hardswish", "abs", "neg", "round", "floor",
    "ceil", "sign", "celu", "hardsigmoid",
)  # fmt: skip
LOCAL: dict[Any, Builder] = {
    **{getattr(aten, name).default: _elementwise for name in _ELEMENTWISE},
    **{getattr(aten, name).Tensor: _elementwise for name in ("add", "sub", "mul", "div")},
    **dict.fromkeys((aten.clone.default, aten.detach.default), _same),
    operator.getitem: _first_output,
    aten._native_batch_norm_legit_no_training.default: _batch_norm,
    aten.cat.default: _concatenate,
    aten.convolution.default: _convolution,
    aten.max_pool2d_with_indices.default: _max_pool,
    aten.avg_pool2d.default: _mean_pool,
}
