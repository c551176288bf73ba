"""Runs of a graph with a few grey images, and what they show: every value, and whether constants are."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx, nn

from securemnist.errors import NoCertificate, first_line
from securemnist.types import SHAPE


def of_images(graph: fx.Graph) -> set[str]:
    """The names of the nodes whose values come, by any way, from the images."""
    found: set[str] = set()
    for node in graph.nodes:
        if node.op == "placeholder" or any(given.name in found for given in node.all_input_nodes):
            found.add(node.name)
    return found


class _Observed(fx.Interpreter):
    """Runs a graph once and remembers every value; NoCertificate for a constant written over."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.values: dict[str, Any] = {}
        self._of_images = of_images(module.graph)

    def run_node(self, n: fx.Node) -> Any:
        for given in n.all_input_nodes:
            if given.name not in self._of_images and not same(
                self.values[given.name], self.env[given]
            ):
                raise NoCertificate(
                    f"expected constants to stay as they are, got {given.name} written over"
                )
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
    seen = []
    for n in (1, 2, 3):
        observed = _Observed(module)
        try:
            observed.run(torch.full((n, *SHAPE), 0.5, device=device))
        except NoCertificate:
            raise
        except Exception as error:
            told = f"raised {first_line(error):.120}"
            raise NoCertificate(f"expected a graph that reads {n} images, it {told}") from error
        seen.append(observed.values)
    if not all(same(before[name], tensor) for name, tensor in module.state_dict().items()):
        raise NoCertificate("expected weights to stay as they are, got some written over")
    return seen
