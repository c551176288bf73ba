"""Facts about the nodes of an exported graph."""

from __future__ import annotations

import operator

import torch
from torch import fx

from securemnist.certificates.graph.export import Exported
from securemnist.certificates.operations.operators import PARTS, aten
from securemnist.errors import NoCertificate


def check_no_pixel_is_read(exported: Exported) -> None:
    """NoCertificate if Python reads a value that depends on the image, as a branch does."""
    dependent: set[fx.Node] = set()
    for node in exported.graph.nodes:
        image = node.op == "placeholder" and node.name not in exported.constants
        reads = any(source in dependent for source in node.all_input_nodes)
        if reads and node.target is aten._local_scalar_dense.default:
            raise NoCertificate(
                "expected operations that do not depend on pixel values, got a branch or number of them"
            )
        if image or (reads and node.target is not aten.sym_size.int):
            dependent.add(node)


def is_part(node: fx.Node) -> bool:
    """Whether a node is one of the outputs of an operation that divides activations."""
    return node.target is operator.getitem and node.args[0].target in PARTS  # type: ignore[union-attr]


def tensor_of(node: fx.Node) -> torch.Tensor:
    """The symbolic output of a node, or the first of several."""
    value = node.meta["val"]
    first: torch.Tensor = value[0] if isinstance(value, tuple | list) else value
    return first


def where(node: fx.Node) -> str:
    """A node's name and layer, for instance `relu_1, in layer 3, a ReLU`."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path, kind = stack[-1] if stack else ("", "")
    path = path.removeprefix("model").removeprefix(".")
    kind = str(kind).rpartition(".")[2]
    return f"{node.name}, in {f'layer {path}, a {kind}' if path else 'forward'}"
