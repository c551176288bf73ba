"""Memory: which values of a graph lie in the same, and whether work in place changes what is read later.

Rules speak of values that stay what they were. A step that writes into its input keeps that true where
nobody reads the input, or a view of it, any more: an activation in place behind a convolution does.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping

from torch import fx, nn

from securemnist.certify.tracer import counts
from securemnist.errors import NoCertificate


class Memory:
    """Where the values of a graph lie, node by node, in the order in which they are computed."""

    def __init__(self, graph: fx.Graph) -> None:
        self._order = {node: place for place, node in enumerate(graph.nodes)}
        self._owner: dict[fx.Node, fx.Node] = {}

    def place(self, node: fx.Node, *, shares: bool = False, writes: bool = False) -> None:
        """Where the node's value lies: where its first argument does, if it may share or writes there.

        NoCertificate where it writes over what is read later. What shares writes nothing: dropout in eval
        mode gives what it was given, whatever it is told.
        """
        if shares:
            self._owner[node] = self._owner[_first(node)]
        elif writes:
            self._owner[node] = self._overwritten(node)
        else:
            self._owner[node] = node

    def _overwritten(self, node: fx.Node) -> fx.Node:
        given = _first(node)
        owner = self._owner.get(given)
        if owner is None or owner.op == "placeholder":
            raise NoCertificate("expected no work in place on images or weights, got it")
        if any(
            self._owner.get(other) is owner for other in node.all_input_nodes if other is not given
        ):
            raise NoCertificate("expected no work in place on what is read meanwhile, got it")
        here = [other for other, at in self._owner.items() if at is owner]
        if any(self._reads_later(user, node) for other in here for user in other.users):
            raise NoCertificate("expected no work in place on what is read later, got it")
        return owner

    def _reads_later(self, user: fx.Node, node: fx.Node) -> bool:
        return self._order[user] > self._order[node] and not counts(user)


def _first(node: fx.Node) -> fx.Node:
    given = node.args[0] if node.args else None
    if not isinstance(given, fx.Node):
        raise NoCertificate("expected activations as first arguments, got others")
    return given


def writes(node: fx.Node, modules: Mapping[str, nn.Module]) -> bool:
    """Whether a node may write into its first argument."""
    if node.kwargs.get("out") is not None:
        raise NoCertificate("expected no work into another tensor, got out=")
    if node.op == "call_module":
        return bool(getattr(modules[str(node.target)], "inplace", False))
    name = getattr(node.target, "__name__", str(node.target))
    if node.op == "call_method":
        return name.endswith("_")
    if getattr(operator, name, None) is node.target:
        return name.startswith("i")  # iadd, but no is_ or index: those have no rule
    # Torch hands `inplace` on by its name, however it was given.
    return name.endswith("_") or bool(node.kwargs.get("inplace", False))
