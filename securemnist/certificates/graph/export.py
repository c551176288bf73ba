"""Export of a model as a functional graph of ATen operations, by torch.export.

torch.export runs the model's code on a symbolic batch of any size n. In-place writes become new
values, and composite operations are decomposed. The remaining operations are those that run when the
model is called, each with its own kernel. Further decompositions are not used, because their rounding
differs from that of the model.
"""

from __future__ import annotations

import copy
import logging
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import fx, nn
from torch._functorch import config as functorch_config
from torch.export import Dim, ExportedProgram, default_decompositions
from torch.export.graph_signature import InputKind, OutputKind
from torch.nn.modules import module as torch_modules
from torch.random import fork_rng

from securemnist.certificates.operations.rules import Shape
from securemnist.errors import NoCertificate, first_line

# Composite operations that are not decomposed: their parts merge the batch dimension, write into memory,
# or round in another way.
_WHOLE = (
    torch.ops.aten.linear.default,
    torch.ops.aten.matmul.default,
    torch.ops.aten.instance_norm.default,
    torch.ops.aten._pad_circular.default,
    torch.ops.aten.upsample_bicubic2d.vec,
)
# Size of the exported batch; torch.export would treat a size of 1 as a constant.
_BATCH = 3
# Python may read constants of the model, as float(self.scale) does, but no value computed from pixels.
_KNOWN_CONSTANTS = functorch_config.patch(fake_tensor_propagate_real_tensors=True)
# Export changes state of torch and of the process, so that only one thread may export at a time.
_ONE_AT_A_TIME = threading.Lock()
# Reasons of failed exports, by a part of torch's error message.
_REASONS = {
    "Constraints violated": "expected a graph that is the same for any number of images, got one for a "
    "fixed number, as from layers of attention, recurrent ones, or sizes that are computed",
    "State dict entry": "expected a model of torch's own modules, got TorchScript",
    "data-dependent": "expected operations that do not depend on pixel values, got a branch on them",
    "graph leaves": "expected a model that copy.deepcopy copies, got weights computed with gradients; "
    "keep their value: torch.nn.utils.remove_weight_norm(layer), or tensor.detach()",
}


@dataclass(frozen=True)
class Exported:
    """Two modules that compute the model's logits, and the graph of the second.

    `captured` has the operations as the model calls them, `functional` those that have bounds.
    `graph` has parameters, buffers and constants as inputs; `constants` are their values, by name.
    """

    captured: nn.Module
    functional: nn.Module
    graph: fx.Graph
    constants: Mapping[str, torch.Tensor]


def export(model: nn.Module, shape: Shape) -> Exported:
    """The exported `model` for samples of this shape; NoCertificate in one sentence on failure."""
    check_supported(model)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    try:
        with (
            _ONE_AT_A_TIME,
            _quiet(),
            _KNOWN_CONSTANTS,
            fork_rng([]),
            torch.inference_mode(False),
            torch.no_grad(),
        ):
            # A copy, because export runs the model's code, which may change the model.
            called = _Called(copy.deepcopy(model))
            # Not `eval()`, which would change the mode of the model's layers.
            called.training = False
            x = torch.full((_BATCH, *shape), 0.5, device=device)
            captured = torch.export.export(
                called, (x,), dynamic_shapes=({0: Dim("n")},), strict=False
            )
            program = captured.run_decompositions(_decompositions())
            # Copies, so that the exported values stay when the model writes its own.
            programs = (captured, program)
            modules = [copy.deepcopy(each.module(check_guards=False)) for each in programs]
    except NoCertificate:
        raise
    except Exception as error:
        raise NoCertificate(_reason(error)) from error
    _check_outputs(program)
    return Exported(modules[0], modules[1], program.graph, _constants(program))


def check_supported(model: nn.Module) -> None:
    """NoCertificate for a model in training mode, with other weights than float32, or global hooks."""
    if model.training:
        raise NoCertificate(
            "expected a model in eval mode, got one in training mode; call model.eval()"
        )
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if type(tensor) not in (torch.Tensor, nn.Parameter):
            kind = type(tensor).__name__
            raise NoCertificate(f"expected tensors of torch's own types, got {kind} in {name}")
        if tensor.is_floating_point() and tensor.dtype != torch.float32:
            raise NoCertificate(f"expected float32 weights, got {tensor.dtype} in {name}")
    if torch_modules._global_forward_hooks or torch_modules._global_forward_pre_hooks:
        raise NoCertificate("expected no hook on all modules, got one; remove it first")


class _Called(nn.Module):
    """A call of the model with images only, including hooks, `__call__` and default arguments."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(x)
        return logits


@cache
def _decompositions() -> dict[Any, Any]:
    """Decompositions that torch itself runs when a composite operation is called."""
    composite = torch._C.DispatchKey.CompositeImplicitAutograd
    table = default_decompositions()
    return {
        operation: decomposition
        for operation, decomposition in table.items()
        if operation.has_kernel_for_dispatch_key(composite) and operation not in _WHOLE
    }


@contextmanager
def _quiet() -> Iterator[None]:
    """A block without torch's logs and warnings about a failed export.

    Logs of others and stderr stay: a service goes on while it computes a certificate. Loggers that torch
    makes in the block have no level of their own and take that of "torch".
    """
    known = list(logging.root.manager.loggerDict.items())  # other threads may add some
    torchs = [log for name, log in known if name == "torch" or name.startswith("torch.")]
    levels = {log: log.level for log in torchs if isinstance(log, logging.Logger)}
    levels = {log: level for log, level in levels.items() if level or log.name == "torch"}
    for log in levels:
        log.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in levels.items():
            log.setLevel(level)


def _reason(error: Exception) -> str:
    text = str(error)
    known = (sentence for part, sentence in _REASONS.items() if part in text)
    return next(known, f"expected a graph from torch.export, got {first_line(error):.120}")


def _check_outputs(program: ExportedProgram) -> None:
    """NoCertificate for a model with a side effect or several outputs.

    A counter of calls is a side effect: Python may read it and branch, which no graph shows.
    """
    outputs = program.graph_signature.output_specs
    for output in outputs:
        if output.kind is not OutputKind.USER_OUTPUT:
            changed = str(output.target).removeprefix("model.")
            raise NoCertificate(
                f"expected weights, buffers and images to stay, got {changed} written"
            )
    if len(outputs) != 1:
        raise NoCertificate(f"expected one output, the logits, got {len(outputs)}")


def _constants(program: ExportedProgram) -> dict[str, torch.Tensor]:
    values = {**program.state_dict, **program.constants}
    inputs = program.graph_signature.input_specs
    constants = {
        spec.arg.name: values[str(spec.target)].detach()
        for spec in inputs
        if spec.kind in (InputKind.PARAMETER, InputKind.BUFFER, InputKind.CONSTANT_TENSOR)
    }
    if len(inputs) - len(constants) != 1:
        raise NoCertificate(f"expected one input, the images, got {len(inputs) - len(constants)}")
    return constants
