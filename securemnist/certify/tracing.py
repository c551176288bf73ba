"""Tracing: a model's own graph by torch.fx, and what two runs of it show of its values."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn.modules import module as torch_modules

from securemnist.errors import NoCertificate
from securemnist.types import SHAPE


@dataclass(frozen=True)
class Facts:
    """What two runs with 2 and 3 images have shown of the values of a graph, by name.

    `shapes`: of float32 activations, a digit. `constants`: tensors that were the same in both runs.
    `sizes`: names of whole numbers, or several. `numbers`: those that were the same in both runs.
    """

    shapes: Mapping[str, tuple[int, ...]]
    constants: Mapping[str, torch.Tensor]
    sizes: frozenset[str]
    numbers: Mapping[str, Any]


def trace(model: nn.Module) -> tuple[fx.GraphModule, Facts]:
    """The graph of `model` in eval mode; NoCertificate in one sentence where there is none."""
    if model.training:
        raise NoCertificate("expected a model in eval mode, got one in training mode")
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            raise NoCertificate(f"expected float32 weights, got {tensor.dtype} in {name}")
    if torch_modules._global_forward_hooks or torch_modules._global_forward_pre_hooks:
        raise NoCertificate("expected no hook on all modules, got one; take it off first")
    try:
        # A copy, because tracing runs the model's code, which may keep what it is handed.
        tracer = _Tracer()
        graph = tracer.trace(_Called(copy.deepcopy(model)))
        traced = fx.GraphModule(tracer.root, graph)
        return traced, _observe(traced, model)
    except Exception as error:
        line = (str(error).splitlines() or [""])[0]
        raise NoCertificate(f"expected a graph, tracing raised {line:.120}") from error


class _Called(nn.Module):
    """A call of the model with an image alone.

    torch.fx begins with the `forward` of the class it is given: of this one, so that the model's own
    hooks, another `forward` or `__call__` and defaults of further arguments are in the graph.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(x)
        return logits


class _Proxy(fx.Proxy):
    """A value under way. torch.fx takes x += y for x = x + y, which leaves the first x as it was."""


def _augmented(function: Callable[..., Any]) -> Callable[[_Proxy, Any], fx.Proxy]:
    def assign(self: _Proxy, other: Any) -> fx.Proxy:
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    return assign


# Each of Python's augmented assignments. Those without a rule are refused by name.
for _name in (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "matmul",
    "and",
    "or",
    "xor",
):
    setattr(_Proxy, f"__i{_name}__", _augmented(getattr(operator, f"__i{_name}__")))


class _Tracer(fx.Tracer):
    """Records what a model does, also where it does it in place."""

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)


class _Observed(fx.Interpreter):
    """Runs a graph once and remembers every value."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.values: dict[str, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        self.values[n.name] = value = super().run_node(n)
        return value


@torch.no_grad()
def _observe(traced: fx.GraphModule, model: nn.Module) -> Facts:
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    runs = []
    for n in (2, 3):
        observed = _Observed(traced)
        observed.run(torch.full((n, *SHAPE), 0.5, device=device))
        runs.append(observed.values)
    shapes, constants, sizes, numbers = {}, {}, set(), {}
    for name, (one, other) in ((name, (runs[0][name], runs[1][name])) for name in runs[0]):
        if not isinstance(one, torch.Tensor):
            if _is_size(one):
                sizes.add(name)
                if one == other:
                    numbers[name] = one
        elif one.dim() and one.dtype == torch.float32 and (len(one), len(other)) == (2, 3):
            if one.shape[1:] == other.shape[1:]:
                shapes[name] = tuple(one.shape[1:])
        elif torch.equal(one, other):
            constants[name] = one
    return Facts(shapes, constants, frozenset(sizes), numbers)


def _is_size(value: object) -> bool:
    """An int (or several, as a shape is): a tuple may carry activations."""
    if isinstance(value, tuple):
        return all(isinstance(part, int) for part in value)
    return isinstance(value, int)
