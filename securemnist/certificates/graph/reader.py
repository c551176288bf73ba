"""Translation of an exported graph into steps with rules; NoCertificate for unsupported operations."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

from securemnist.certificates.graph.export import Exported
from securemnist.certificates.graph.network import Step
from securemnist.certificates.operations.arithmetic import Activations
from securemnist.certificates.operations.operators import (
    ALIKE,
    COMPARISONS,
    OPERANDS,
    OPERATORS,
    PARTS,
    READERS_OF_BOOLEANS,
    REASONS,
    SIZED,
    aten,
)
from securemnist.certificates.operations.rules import LogSoftmax, Rule, Shape
from securemnist.errors import NoCertificate, first_line

# Modules of functions on numbers and sizes in a graph: operator, math, torch.sym_*.
_NUMBER_MODULES = ("_operator", "math", "torch")
_IGNORED = (aten._assert_tensor_metadata.default,)


class Reader:
    """Translator of a graph, node by node.

    A node's output depends on the image (`_step_of`: its step), on the batch size only (`_sizes`), or
    on neither (`_constants`: its value).
    """

    def __init__(self, exported: Exported) -> None:
        self.steps: list[Step] = []
        self._constants: dict[fx.Node, Any] = {}
        self._step_of: dict[fx.Node, int] = {}
        self._sizes: set[fx.Node] = set()
        self._batch: Any = None
        self._exported = exported

    def read(self) -> tuple[Step, ...]:
        """The steps up to the one that computes the logits."""
        _check_no_pixel_is_read(self._exported)
        for node in self._exported.graph.nodes:
            if node.op == "placeholder":
                self._add_input(node)
            elif node.op == "output":
                return self._up_to(node.args[0][0])
            elif any(source in self._step_of for source in node.all_input_nodes):
                self._add_operation(node)
            elif any(source in self._sizes for source in node.all_input_nodes):
                self._sizes.add(node)
            else:
                self._constants[node] = self._constant(node)
        raise NoCertificate("expected a graph with an output, got none")

    def _add_input(self, node: fx.Node) -> None:
        if node.name in self._exported.constants:
            self._constants[node] = self._exported.constants[node.name]
        else:
            self._step_of[node], self._batch = 0, node.meta["val"].shape[0]

    def _up_to(self, logits: Any) -> tuple[Step, ...]:
        last = self._step_of.get(logits, 0)
        shape = self._shape(logits) if last else ()
        if len(shape) != 1 or shape[0] < 2 or _tensor(logits).dtype != torch.float32:
            raise NoCertificate(
                "expected float32 logits of two classes or more, got another output"
            )
        return tuple(self.steps[:last])

    def _add_operation(self, node: fx.Node) -> None:
        if node.target in _IGNORED:
            return
        if node.target is aten.sym_size.int:
            self._sizes.add(node)
            return
        if node.target in ALIKE:
            self._constants[node] = node.target(torch.zeros(1, *self._shape(node)), **node.kwargs)
            return
        if node.target in PARTS:
            self._step_of[node] = self._inputs(node)[0]
            return
        if node.target is operator.getitem and not _is_part(node):
            if node.args[1] != 0:
                raise NoCertificate(
                    f"expected an operation's first output, got another ({_where(node)})"
                )
            self._step_of[node] = self._step_of[node.args[0]]  # type: ignore[index]
            return
        try:
            rules, inputs = self._rules(node)
        except NoCertificate as error:
            raise NoCertificate(f"{error} ({_where(node)})") from error
        except Exception as error:
            raise NoCertificate(
                f"expected supported arguments, got others ({_where(node)})"
            ) from error
        for rule in rules:
            self.steps.append(Step(node.name, rule, self._shape(node), inputs))
            inputs = (len(self.steps),)
        self._step_of[node] = inputs[0]

    def _rules(self, node: fx.Node) -> tuple[Sequence[Rule], tuple[int, ...]]:
        """The rules of a node, which follow each other, and the steps that the first one reads."""
        target: Any = node.target
        if target not in OPERATORS and not _is_part(node):
            name = target.__name__.partition(".")[0]
            plain = (reason for start, reason in REASONS.items() if name.startswith(start))
            raise NoCertificate(f"expected operations with known bounds, got {next(plain, name)}")
        self._check_no_booleans(node)
        inputs = self._inputs(node)
        if any(self._is_softmax(index) for index in inputs):
            raise NoCertificate("expected softmax as the last operation, got another after it")
        if _is_part(node):
            source: Any = node.args[0]
            rest = fx.node.map_arg(source.args[1:], lambda n: self._value(n, source.target))
            return [PARTS[source.target](node.args[1], *rest)], inputs
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: self._value(n, target))
        found = OPERATORS[target](self._shape(node), *args, **kwargs)
        if isinstance(found, Rule):
            return [found], inputs
        return found or [], inputs

    def _inputs(self, node: fx.Node) -> tuple[int, ...]:
        """The steps whose activations a node reads: in one argument, several (OPERANDS), or a list."""
        operands: Any = node.args[: OPERANDS.get(node.target, 1)]
        if operands and isinstance(operands[0], Sequence):
            operands = operands[0]
        sources = [n for n in operands if isinstance(n, fx.Node) and n in self._step_of]
        if set(sources) != {n for n in node.all_input_nodes if n in self._step_of}:
            raise NoCertificate("expected constants as further arguments, got activations")
        return tuple(self._step_of[n] for n in sources)

    def _is_softmax(self, index: int) -> bool:
        return index > 0 and isinstance(self.steps[index - 1].rule, LogSoftmax)

    def _check_no_booleans(self, node: fx.Node) -> None:
        dtypes = [_tensor(n).dtype for n in node.all_input_nodes if n in self._step_of]
        if torch.bool in dtypes and node.target not in READERS_OF_BOOLEANS:
            raise NoCertificate(
                "expected truth values to be converted to float32, got them as they are"
            )

    def _value(self, node: fx.Node, target: Any) -> Any:
        if node in self._step_of:
            return Activations(self._shape(node), _tensor(node).stride())
        if node in self._constants:
            return self._constants[node]
        if target in SIZED and not isinstance(node.meta.get("val"), torch.Tensor):
            return None
        raise NoCertificate(
            "expected the number of images to be used as a size alone, got a calculation"
        )

    def _shape(self, node: fx.Node) -> Shape:
        """The shape per sample of float32 activations, or of boolean results of a comparison."""
        value = _tensor(node)
        batch, *rest = value.shape or (None,)
        dtype = torch.bool if node.target in COMPARISONS else torch.float32
        if not (isinstance(batch, torch.SymInt) and batch.node.expr == self._batch.node.expr):
            raise NoCertificate(
                "expected activations of each sample, got them mixed over the batch"
            )
        if value.dtype != dtype or not all(type(size) is int for size in rest):
            raise NoCertificate("expected float32 activations of constant shape, got others")
        return tuple(rest)

    def _constant(self, node: fx.Node) -> Any:
        """The value of a node that depends on neither the images nor the batch size."""
        target: Any = node.target
        known = isinstance(target, torch._ops.OpOverload) or target.__module__ in _NUMBER_MODULES
        if node.op != "call_function" or not known:
            raise NoCertificate(f"expected ATen operations, got {node.name}")
        if torch.Tag.nondeterministic_seeded in getattr(target, "tags", ()):
            raise NoCertificate(f"expected no random numbers, got {node.name}")
        args: Any
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: self._constants[n])
        uninitialised = "empty" in target.__name__  # empty, new_empty, empty_strided, and so on
        try:
            value = target(*args, **kwargs)
            # Uninitialised memory is read as NaN, which certifies nothing.
            return value.fill_(torch.nan) if uninitialised else value
        except Exception as error:  # for instance an assertion of torch.export
            raise NoCertificate(
                f"expected constants as they were exported, got {first_line(error):.120}"
            ) from error


def _check_no_pixel_is_read(exported: Exported) -> None:
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


def _is_part(node: fx.Node) -> bool:
    """Whether a node is one of the outputs of an operation that divides activations."""
    return node.target is operator.getitem and node.args[0].target in PARTS  # type: ignore[union-attr]


def _tensor(node: fx.Node) -> torch.Tensor:
    """The symbolic output of a node, or the first of several."""
    value = node.meta["val"]
    first: torch.Tensor = value[0] if isinstance(value, tuple | list) else value
    return first


def _where(node: fx.Node) -> str:
    """A node's name and layer, for instance `relu_1, in layer 3, a ReLU`."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path, kind = stack[-1] if stack else ("", "")
    path = path.removeprefix("model").removeprefix(".")
    kind = str(kind).rpartition(".")[2]
    return f"{node.name}, in {f'layer {path}, a {kind}' if path else 'forward'}"
