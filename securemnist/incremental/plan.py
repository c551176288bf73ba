"""The local steps of a model's graph, and the rest of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from securemnist.certificates.graph.export import Exported
from securemnist.incremental.rectangle import Rectangle
from securemnist.incremental.steps import MAP, LocalOperation, local_operation

aten = torch.ops.aten
_IGNORED = (aten._assert_tensor_metadata.default,)
_VIEWS = (aten.view.default, aten._unsafe_view.default)
# The maps are laid out in memory in their own way, which a view may not accept.
_WITHOUT_STRIDES: dict[Any, Any] = dict.fromkeys(_VIEWS, torch.reshape)
_SOME = Rectangle(0, 2, 0, 2)


@dataclass(frozen=True)
class LocalStep:
    """One local operation: its node, the nodes whose maps it reads, and its map's shape (C, H, W)."""

    node: fx.Node
    operation: LocalOperation
    sources: tuple[fx.Node, ...]
    shape: tuple[int, ...]

    @property
    def reads_context(self) -> bool:
        """Whether it reads more of a map than what changed there."""
        return len(self.sources) > 1 or self.operation.inputs(_SOME) != _SOME


@dataclass(frozen=True, eq=False)
class LinearLayer:
    """A linear layer on a whole map: its node, that of the map, and its `weight` (H, W, C, outputs).

    Its outputs change by the product of the weights and the change of the map.
    """

    node: fx.Node
    source: fx.Node
    weight: torch.Tensor
    bias: torch.Tensor | None

    def outputs(self, values: torch.Tensor) -> torch.Tensor:
        """The outputs (n, outputs) of a whole map (n, C, H, W)."""
        whole = Rectangle(0, values.shape[2], 0, values.shape[3])
        products = self.change(whole, values)
        return products if self.bias is None else products + self.bias

    def change(self, rectangle: Rectangle, values: torch.Tensor) -> torch.Tensor:
        """What `values` (n, C, h, w), added to a map in a rectangle, add to the outputs."""
        top, bottom, left, right = rectangle
        weight = self.weight[top:bottom, left:right].flatten(0, 2)
        return values.permute(0, 2, 3, 1).flatten(1) @ weight


@dataclass(frozen=True)
class Plan:
    """A graph, divided: `local` steps from the node `image` on, `linear` layers, the nodes of `rest`.

    `output`: the node of the logits. `read`: the nodes whose maps the rest reads. `sizes`: nodes whose
    value is the number of images. `constants`: values of nodes that do not depend on the image.
    """

    image: fx.Node
    local: tuple[LocalStep, ...]
    linear: tuple[LinearLayer, ...]
    rest: tuple[fx.Node, ...]
    output: fx.Node
    read: tuple[fx.Node, ...]
    sizes: tuple[fx.Node, ...]
    constants: Mapping[fx.Node, Any]

    @property
    def kept(self) -> set[fx.Node]:
        """The nodes whose maps are needed outside the rectangle that changed, too."""
        context = {source for step in self.local if step.reads_context for source in step.sources}
        return {self.image, *self.read, *context, *(layer.source for layer in self.linear)}

    def logits(self, known: Mapping[fx.Node, torch.Tensor], images: int) -> torch.Tensor:
        """The model's outputs (n, K), from the maps `read`, the linear layers, and n."""
        values: dict[fx.Node, Any] = {
            **self.constants,
            **dict.fromkeys(self.sizes, images),
            **known,
        }
        for node in self.rest:
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), values.__getitem__)
            values[node] = _WITHOUT_STRIDES.get(node.target, node.target)(*args, **kwargs)
        out: torch.Tensor = values[self.output]
        return out


def plan_of(exported: Exported) -> Plan | None:
    """The plan of a graph that `certificates.reader` can read; None where nothing in it is local."""
    return _Division(exported).plan()


class _Division:
    """The nodes of a graph, by what is computed of them."""

    def __init__(self, exported: Exported) -> None:
        self._constants: dict[fx.Node, Any] = {}
        # The image has a map, too, and no step.
        self._steps: dict[fx.Node, LocalStep | None] = {}
        self._linear: dict[fx.Node, LinearLayer] = {}
        self._rest: list[fx.Node] = []
        self._sizes: list[fx.Node] = []
        for node in exported.graph.nodes:
            if node.op == "placeholder":
                self._add_input(node, exported.constants)
            elif node.op == "output":
                self._output: fx.Node = node.args[0][0]
            elif node.target not in _IGNORED:
                self._add_operation(node)

    def plan(self) -> Plan | None:
        if self._output in self._steps or not (self._linear or len(self._steps) > 1):
            return None
        rest = self._needed()
        return Plan(
            image=self._image,
            local=tuple(step for step in self._steps.values() if step is not None),
            linear=tuple(self._linear.values()),
            rest=rest,
            output=self._output,
            read=tuple(m for m in self._steps if any(m in node.all_input_nodes for node in rest)),
            sizes=tuple(self._sizes),
            constants=self._constants,
        )

    def _add_input(self, node: fx.Node, constants: Mapping[str, torch.Tensor]) -> None:
        if node.name in constants:
            self._constants[node] = constants[node.name]
        else:
            self._image, self._steps[node] = node, None

    def _add_operation(self, node: fx.Node) -> None:
        if node.target is aten.sym_size.int:
            self._sizes.append(node)
        elif all(source in self._constants for source in node.all_input_nodes):
            args, kwargs = fx.node.map_arg((node.args, node.kwargs), self._constants.__getitem__)
            self._constants[node] = node.target(*args, **kwargs)  # type: ignore[operator]
        elif step := self._local_step(node):
            self._steps[node] = step
        elif layer := self._linear_layer(node):
            self._linear[node] = layer
        else:
            self._rest.append(node)

    def _local_step(self, node: fx.Node) -> LocalStep | None:
        sources: list[fx.Node] = []

        def value(source: fx.Node) -> Any:
            if source in self._constants:
                return self._constants[source]
            sources.append(source)
            return MAP

        args, kwargs = fx.node.map_arg((node.args, node.kwargs), value)
        shape = _shape(node)
        if len(shape) != 3 or any(source not in self._steps for source in sources):
            return None
        if len(sources) > 1 and any(_shape(source)[1:] != shape[1:] for source in sources):
            return None  # a map that is broadcast changes every place
        operation = local_operation(node.target, args, kwargs)
        return None if operation is None else LocalStep(node, operation, tuple(sources), shape)

    def _linear_layer(self, node: fx.Node) -> LinearLayer | None:
        """The node as a linear layer that reads one whole map, flattened; None where it is another."""
        layer = node.target is aten.linear.default
        if not layer or any(each not in self._constants for each in node.args[1:]):
            return None
        view: Any = node.args[0]
        source = view.args[0] if view.target in _VIEWS else view
        if source not in self._steps or len(_shape(view)) != 1:
            return None
        weight, *bias = (self._constants[each] for each in node.args[1:])  # type: ignore[index]
        form = weight.view(-1, *_shape(source)).permute(2, 3, 1, 0).contiguous()
        return LinearLayer(node, source, form, bias[0] if bias else None)

    def _needed(self) -> tuple[fx.Node, ...]:
        """The rest that leads to the output; a view that only linear layers read is no part of it."""
        needed: list[fx.Node] = []
        for node in reversed(self._rest):
            if node is self._output or any(node in later.all_input_nodes for later in needed):
                needed.insert(0, node)
        return tuple(needed)


def _shape(node: fx.Node) -> tuple[int, ...]:
    """The shape of a node's first output per image."""
    found = node.meta["val"]
    return tuple((found[0] if isinstance(found, tuple | list) else found).shape[1:])
