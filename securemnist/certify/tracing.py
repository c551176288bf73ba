"""Tracing: a model's own graph by torch.fx, and what runs of it show of its values."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn.modules import module as torch_modules

from securemnist.certify.runs import of_images, runs, same
from securemnist.certify.tracer import Tracer
from securemnist.errors import NoCertificate, first_line


@dataclass(frozen=True)
class Facts:
    """What runs with one, two and three images have shown of the values of a graph, by name.

    `shapes`: of float32 activations, a digit; `truths`: of truth values. `constants`: what does not come
    from the images, and was the same in all runs.
    """

    shapes: Mapping[str, tuple[int, ...]]
    truths: Mapping[str, tuple[int, ...]]
    constants: Mapping[str, Any]


def trace(model: nn.Module) -> tuple[fx.GraphModule, Facts]:
    """The graph of `model` in eval mode; NoCertificate in one sentence where there is none."""
    if model.training:
        raise NoCertificate("expected a model in eval mode, got one in training mode")
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if type(tensor) not in (torch.Tensor, nn.Parameter):
            kind = type(tensor).__name__
            raise NoCertificate(f"expected tensors of torch's own types, got {kind} in {name}")
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            raise NoCertificate(f"expected float32 weights, got {tensor.dtype} in {name}")
    if torch_modules._global_forward_hooks or torch_modules._global_forward_pre_hooks:
        raise NoCertificate("expected no hook on all modules, got one; take it off first")
    try:
        # A copy, because tracing runs the model's code, which may keep what it is handed.
        tracer = Tracer()
        graph = tracer.trace(_Called(copy.deepcopy(model)))
        return fx.GraphModule(tracer.root, graph), _observe(tracer.root, graph)
    except NoCertificate:
        raise
    except Exception as error:
        raise NoCertificate(f"expected a graph, tracing raised {first_line(error):.120}") from error


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
    constants: dict[str, Any] = {}
    moving = of_images(graph)
    one, two, three = runs(root, graph)
    for name, value in three.items():
        if name not in moving:
            if same(one[name], value) and same(two[name], value):
                constants[name] = value
        elif isinstance(value, torch.Tensor) and value.dtype in shapes and value.dim():
            # For a single image, too: of one, `squeeze` takes the digits' own dimension away.
            shape = tuple(value.shape[1:])
            if all(run[name].shape == (n, *shape) for n, run in enumerate((one, two, three), 1)):
                shapes[value.dtype][name] = shape
    return Facts(shapes[torch.float32], shapes[torch.bool], constants)
