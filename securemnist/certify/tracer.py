"""Tracer: torch.fx's, which also records work in place and knows the sizes of what is under way."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from securemnist.certify.runs import runs
from securemnist.errors import NoCertificate


@dataclass(frozen=True)
class Form:
    """What a value is without its numbers: `shapes` are those for one, two and three images."""

    shapes: tuple[tuple[int, ...], ...]
    dtype: torch.dtype
    device: torch.device


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
        return self.tracer.form(self.node).dtype

    @property
    def device(self) -> torch.device:
        return self.tracer.form(self.node).device

    def dim(self) -> int:
        return len(self.size())

    def __len__(self) -> int:
        raise NoCertificate("expected x.size(0), got len(x), which a graph cannot hold")

    def size(self, dim: int | None = None) -> Any:
        one, two, three = self.tracer.form(self.node).shapes
        sizes: tuple[Any, ...] = three
        if two != three:
            if not one[1:] == two[1:] == three[1:]:
                raise NoCertificate("expected sizes of each digit alone, got others")
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

    def __init__(self) -> None:
        super().__init__()
        self._forms: dict[fx.Node, Form] = {}

    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)

    def create_arg(self, a: Any) -> Any:
        number = a.item() if isinstance(a, np.generic) else a
        # A number of another type may compare, and mean, what it likes.
        if isinstance(number, int | float) and type(number) not in (bool, int, float):
            kind = type(number).__name__
            raise NoCertificate(f"expected plain numbers, got one of type {kind}")
        return super().create_arg(number)

    def call_module(self, m: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        if self._looking:
            return forward(*args, **kwargs)
        return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        if self._looking:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)

    def form(self, node: fx.Node) -> Form:
        """The form of what a node gives; no step with a rule changes it later."""
        if node not in self._forms:
            copied: dict[fx.Node, fx.Node] = {}
            graph = fx.Graph()
            graph.graph_copy(self.graph, copied)
            graph.output(copied[node])
            self._looking = True
            try:
                values = [run[copied[node].name] for run in runs(self.root, graph)]
            finally:
                self._looking = False
            shapes = tuple(tuple(value.shape) for value in values)
            self._forms[node] = Form(shapes, values[0].dtype, values[0].device)
        return self._forms[node]


def counts(node: fx.Node) -> bool:
    """Whether a node says how many images there are."""
    return node.op == "call_method" and node.target == "size" and node.args[1:] == (0,)
