"""Tracer: torch.fx's, which also records work in place and knows the sizes of what is under way."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from securemnist.types import SHAPE


class _Proxy(fx.Proxy):
    """A value under way.

    What it says of its sizes are numbers, but for how many images there are: so a model may decide by
    them. And torch.fx takes x += y for x = x + y, which leaves what x was before as it is.
    """

    tracer: Tracer

    @property
    def shape(self) -> Any:
        return self.size()

    @property
    def ndim(self) -> int:
        return self.dim()

    def dim(self) -> int:
        return len(self.tracer.shape_of(self.node))

    def __len__(self) -> int:
        raise TypeError("len(x), which a graph cannot hold: write x.size(0)")

    def size(self, dim: int | None = None) -> Any:
        sizes: list[Any] = list(self.tracer.shape_of(self.node))
        if sizes[:1] == [None]:
            sizes[0] = self.tracer.create_proxy("call_method", "size", (self, 0), {})
        return tuple(sizes) if dim is None else sizes[dim]


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


class Tracer(fx.Tracer):
    """Records what a model does, also where it does it in place or looks at sizes."""

    # Whether values are looked at: then modules and weights are what they are, and no proxies.
    _looking = False

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self._looking:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if self._looking:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def shape_of(self, node: fx.Node) -> tuple[int | None, ...]:
        """The shape of a value; None where it is as long as there are images."""
        copied: dict[fx.Node, fx.Node] = {}
        graph = fx.Graph()
        graph.graph_copy(self.graph, copied)
        graph.output(copied[node])
        self._looking = True
        try:
            one, other = (values[copied[node].name].shape for values in runs(self.root, graph))
        finally:
            self._looking = False
        if len(one) != len(other) or one[1:] != other[1:]:
            raise ValueError("sizes that depend on how many images there are")
        return (None, *one[1:]) if one[:1] != other[:1] else tuple(one)


class _Observed(fx.Interpreter):
    """Runs a graph once and remembers every value."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.values: dict[str, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        self.values[n.name] = value = super().run_node(n)
        return value


@torch.no_grad()
def runs(root: nn.Module, graph: fx.Graph) -> list[dict[str, Any]]:
    """The values of a graph, by name, in two runs with 2 and 3 grey images."""
    device = next((p.device for p in root.parameters()), torch.device("cpu"))
    module = fx.GraphModule(root, graph)
    runs = []
    for n in (2, 3):
        observed = _Observed(module)
        observed.run(torch.full((n, *SHAPE), 0.5, device=device))
        runs.append(observed.values)
    return runs
