"""Tracer: torch.fx's, which also records work in place and knows the sizes of what is under way."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from securemnist.types import SHAPE


class _Proxy(fx.Proxy):
    """A value under way.

    What it says of its form are numbers, but for how many images there are: so a model may decide by
    them. And torch.fx takes x += y for x = x + y, which leaves what x was before as it is.
    """

    tracer: Tracer

    @property
    def shape(self) -> Any:
        return self.size()

    @property
    def ndim(self) -> int:
        return self.dim()

    @property
    def dtype(self) -> torch.dtype:
        return self.tracer.seen(self.node)[0].dtype

    @property
    def device(self) -> torch.device:
        return self.tracer.seen(self.node)[0].device

    def dim(self) -> int:
        return len(self.size())

    def __len__(self) -> int:
        raise TypeError("len(x), which a graph cannot hold: write x.size(0)")

    def size(self, dim: int | None = None) -> Any:
        one, two, three = (tuple(value.shape) for value in self.tracer.seen(self.node))
        sizes: tuple[Any, ...] = three
        if two != three:
            if not one[1:] == two[1:] == three[1:]:
                raise TypeError("sizes that depend on how many images there are")
            count = self.tracer.create_proxy("call_method", "size", (self, 0), {})
            sizes = (count, *three[1:])
        return _Sizes(sizes) if dim is None else sizes[dim]


class _Sizes(tuple[Any, ...]):
    """A shape; a part of it without the number of images is one of torch's."""

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        whole = isinstance(part, tuple) and all(isinstance(size, int) for size in part)
        return torch.Size(part) if whole else part


def _augmented(function: Callable[..., Any]) -> Callable[[_Proxy, Any], fx.Proxy]:
    def assign(self: _Proxy, other: Any) -> fx.Proxy:
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    return assign


# Each of Python's augmented assignments. Those without a rule are refused by name.
_NUMBERS = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
_BITS = ("and", "or", "xor", "lshift", "rshift")
for _name in (*_NUMBERS, *_BITS):
    setattr(_Proxy, f"__i{_name}__", _augmented(getattr(operator, f"__i{_name}__")))


class Tracer(fx.Tracer):
    """Records what a model does, also where it does it in place or looks at sizes."""

    # Whether values are looked at: then modules and weights are what they are, and no proxies.
    _looking = False

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def create_arg(self, a: Any) -> Any:
        number = a.item() if isinstance(a, np.generic) else a
        # A number of another type may compare, and mean, what it likes.
        if isinstance(number, int | float) and type(number) not in (bool, int, float):
            raise TypeError(f"a number of type {type(number).__name__}: write a plain one")
        return super().create_arg(number)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self._looking:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if self._looking:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def seen(self, node: fx.Node) -> tuple[torch.Tensor, ...]:
        """What a node gives for one, two and three grey images."""
        copied: dict[fx.Node, fx.Node] = {}
        graph = fx.Graph()
        graph.graph_copy(self.graph, copied)
        graph.output(copied[node])
        self._looking = True
        try:
            return tuple(values[copied[node].name] for values in runs(self.root, graph))
        finally:
            self._looking = False


def counts(node: fx.Node) -> bool:
    """Whether a node says how many images there are."""
    return node.op == "call_method" and node.target == "size" and node.args[1:] == (0,)


def of_images(graph: fx.Graph) -> set[str]:
    """The names of the nodes whose values come, by any way, from the images."""
    found: set[str] = set()
    for node in graph.nodes:
        if node.op == "placeholder" or any(given.name in found for given in node.all_input_nodes):
            found.add(node.name)
    return found


class _Observed(fx.Interpreter):
    """Runs a graph once and remembers every value; ValueError where a constant is none."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.values: dict[str, Any] = {}
        self._of_images = of_images(module.graph)

    def run_node(self, n: fx.Node) -> Any:
        for given in n.all_input_nodes:
            if given.name not in self._of_images and not same(
                self.values[given.name], self.env[given]
            ):
                raise ValueError(f"what {given.name} gives is written over before it is read")
        value = super().run_node(n)
        self.values[n.name] = value.clone() if isinstance(value, torch.Tensor) else value
        return value


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, NaN to NaN; of what is no tensor, as Python has it."""
    if not (isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)):
        return type(one) is type(other) and bool(one == other)
    return one.shape == other.shape and bool(
        ((one == other) | (one != one) & (other != other)).all()
    )


@torch.no_grad()
def runs(root: nn.Module, graph: fx.Graph) -> list[dict[str, Any]]:
    """The values of a graph, by name, in three runs with one, two and three grey images."""
    device = next((p.device for p in root.parameters()), torch.device("cpu"))
    module = fx.GraphModule(root, graph)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    runs = []
    for n in (1, 2, 3):
        observed = _Observed(module)
        observed.run(torch.full((n, *SHAPE), 0.5, device=device))
        runs.append(observed.values)
    if not all(same(before[name], tensor) for name, tensor in module.state_dict().items()):
        raise ValueError("a model that writes over its weights")
    return runs
