"""Tracing: a model's own graph by torch.fx, and what two runs of it show of its values."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn.modules import module as torch_modules

from securemnist.certify.tracer import Tracer, runs
from securemnist.errors import NoCertificate


@dataclass(frozen=True)
class Facts:
    """What two runs with 2 and 3 images have shown of the values of a graph, by name.

    `shapes`: of float32 activations, a digit; `truths`: of truth values. `constants`: tensors that
    were the same in both runs. `sizes`: names of whole numbers, or several. `numbers`: those that were
    the same in both runs.
    """

    shapes: Mapping[str, tuple[int, ...]]
    truths: Mapping[str, tuple[int, ...]]
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
        tracer = Tracer()
        graph = tracer.trace(_Called(copy.deepcopy(model)))
        return fx.GraphModule(tracer.root, graph), _observe(tracer.root, graph)
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


def _observe(root: nn.Module, graph: fx.Graph) -> Facts:
    shapes: dict[torch.dtype, dict[str, tuple[int, ...]]] = {torch.float32: {}, torch.bool: {}}
    constants, sizes, numbers = {}, set(), {}
    first, second = runs(root, graph)
    for name, one in first.items():
        other = second[name]
        if not isinstance(one, torch.Tensor):
            if _is_size(one):
                sizes.add(name)
                if one == other:
                    numbers[name] = one
        elif one.dim() and one.dtype in shapes and (len(one), len(other)) == (2, 3):
            if one.shape[1:] == other.shape[1:]:
                shapes[one.dtype][name] = tuple(one.shape[1:])
        elif torch.equal(one, other):
            constants[name] = one
    return Facts(shapes[torch.float32], shapes[torch.bool], constants, frozenset(sizes), numbers)


def _is_size(value: object) -> bool:
    """An int (or several, as a shape is): a tuple may carry activations."""
    if isinstance(value, tuple):
        return all(isinstance(part, int) for part in value)
    return isinstance(value, int)
