"""Reader: the steps of an exported graph, each with its rule; NoCertificate names what has none."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

from securemnist.certificates.arithmetic import Activations
from securemnist.certificates.export import Exported
from securemnist.certificates.network import Step
from securemnist.certificates.operators import (
    BINARY,
    COMPARISONS,
    CONVERSIONS,
    OPERATORS,
    SIZED,
    aten,
)
from securemnist.certificates.rules import LogSoftmax, Rule, Shape
from securemnist.errors import NoCertificate, first_line

# Operations whose outputs are unwritten memory.
_EMPTY = (
    "empty",
    "new_empty",
    "empty_like",
    "empty_strided",
    "empty_permuted",
    "new_empty_strided",
)
# The modules of functions that calculate with numbers and sizes in a graph: operator, math, torch.sym_*.
_OF_NUMBERS = ("_operator", "math", "torch")
_IGNORED = (aten._assert_tensor_metadata.default,)


class Reader:
    """Reads a graph node by node.

    A node's output depends on the image (`_places`: the step that gives it), only on the number of
    images (`_sizes`), or on neither (`_constants`: its value).
    """

    def __init__(self, exported: Exported) -> None:
        self.steps: list[Step] = []
        self._constants: dict[fx.Node, Any] = {}
        self._places: dict[fx.Node, int] = {}
        self._sizes: set[fx.Node] = set()
        self._batch: Any = None
        self._exported = exported

    def read(self) -> tuple[Step, ...]:
        """The steps up to the one that gives the logits."""
        _check_no_pixel_is_read(self._exported)
        for node in self._exported.graph.nodes:
            if node.op == "placeholder":
                self._place_input(node)
            elif node.op == "output":
                return self._up_to(node.args[0][0])
            elif any(given in self._places for given in node.all_input_nodes):
                self._place_operation(node)
            elif any(given in self._sizes for given in node.all_input_nodes):
                self._sizes.add(node)
            else:
                self._constants[node] = self._constant(node)
        raise NoCertificate("expected a graph with an output, got none")

    def _place_input(self, node: fx.Node) -> None:
        if node.name in self._exported.constants:
            self._constants[node] = self._exported.constants[node.name]
        else:
            self._places[node], self._batch = 0, node.meta["val"].shape[0]

    def _up_to(self, logits: Any) -> tuple[Step, ...]:
        last = self._places.get(logits, 0)
        shape = self._shape(logits) if last else ()
        if len(shape) != 1 or shape[0] < 2 or _tensor(logits).dtype != torch.float32:
            raise NoCertificate(
                "expected float32 logits of two classes or more, got another output"
            )
        return tuple(self.steps[:last])

    def _place_operation(self, node: fx.Node) -> None:
        if node.target in _IGNORED:
            return
        if node.target is aten.sym_size.int:
            self._sizes.add(node)
            return
        if node.target is operator.getitem:
            if node.args[1] != 0:
                raise NoCertificate(
                    f"expected an operation's first output, got another ({_where(node)})"
                )
            self._places[node] = self._places[node.args[0]]  # type: ignore[index]
            return
        try:
            rule, reads = self._rule(node)
        except NoCertificate as error:
            raise NoCertificate(f"{error} ({_where(node)})") from error
        except Exception as error:
            raise NoCertificate(f"expected usual arguments, got others ({_where(node)})") from error
        if rule is None:
            self._places[node] = reads[0]
        else:
            self.steps.append(Step(node.name, rule, self._shape(node), reads))
            self._places[node] = len(self.steps)

    def _rule(self, node: fx.Node) -> tuple[Rule | None, tuple[int, ...]]:
        target: Any = node.target
        if target not in OPERATORS:
            name = target.__name__.partition(".")[0]
            raise NoCertificate(f"expected operations with known bounds, got {name}")
        self._check_truth_values(node)
        reads = self._reads(node)
        if any(self._follows_softmax(read) for read in reads):
            raise NoCertificate("expected softmax as the last operation, got another behind it")
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: self._value(n, target))
        return OPERATORS[target](self._shape(node), *args, **kwargs), reads

    def _reads(self, node: fx.Node) -> tuple[int, ...]:
        """The activations that a node reads: its first argument, of BINARY two, or all of a list."""
        operands: Any = node.args[:2] if node.target in BINARY else node.args[:1]
        if operands and isinstance(operands[0], Sequence):
            operands = operands[0]
        reads = [n for n in operands if isinstance(n, fx.Node) and n in self._places]
        if set(reads) != {n for n in node.all_input_nodes if n in self._places}:
            raise NoCertificate("expected constants as further arguments, got activations")
        return tuple(self._places[n] for n in reads)

    def _follows_softmax(self, read: int) -> bool:
        return read > 0 and isinstance(self.steps[read - 1].rule, LogSoftmax)

    def _check_truth_values(self, node: fx.Node) -> None:
        reads = [_tensor(n).dtype for n in node.all_input_nodes if n in self._places]
        if torch.bool in reads and node.target not in CONVERSIONS:
            raise NoCertificate(
                "expected truth values to be converted to float32, got them as they are"
            )

    def _value(self, node: fx.Node, target: Any) -> Any:
        if node in self._places:
            return Activations(self._shape(node))
        if node in self._constants:
            return self._constants[node]
        if target in SIZED and not isinstance(node.meta.get("val"), torch.Tensor):
            return None
        raise NoCertificate(
            "expected the number of images to be used as a size alone, got a calculation"
        )

    def _shape(self, node: fx.Node) -> Shape:
        """The shape per sample of float32 activations, or of a comparison's truth values."""
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
        """The value of a node that depends on neither images nor their number."""
        target: Any = node.target
        known = isinstance(target, torch._ops.OpOverload) or target.__module__ in _OF_NUMBERS
        if node.op != "call_function" or not known:
            raise NoCertificate(f"expected ATen operations, got {node.name}")
        if torch.Tag.nondeterministic_seeded in getattr(target, "tags", ()):
            raise NoCertificate(f"expected no random numbers, got {node.name}")
        args: Any
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda n: self._constants[n])
        empty = getattr(target, "overloadpacket", target).__name__ in _EMPTY
        try:
            value = target(*args, **kwargs)
            # A number that is read before it is written may be any; NaN certifies nothing.
            return value.fill_(torch.nan) if empty else value
        except Exception as error:  # an assertion of the capture among them
            raise NoCertificate(
                f"expected constants as they were exported, got {first_line(error):.120}"
            ) from error


def _check_no_pixel_is_read(exported: Exported) -> None:
    """NoCertificate where Python reads a number that depends on the image, as a branch on it does."""
    dependent: set[fx.Node] = set()
    for node in exported.graph.nodes:
        image = node.op == "placeholder" and node.name not in exported.constants
        reads = any(given in dependent for given in node.all_input_nodes)
        if reads and node.target is aten._local_scalar_dense.default:
            raise NoCertificate(
                "expected operations that do not depend on pixel values, got a branch or number of them"
            )
        if image or (reads and node.target is not aten.sym_size.int):
            dependent.add(node)


def _tensor(node: fx.Node) -> torch.Tensor:
    """The output of a node without its numbers, or the first of several."""
    value = node.meta["val"]
    first: torch.Tensor = value[0] if isinstance(value, tuple | list) else value
    return first


def _where(node: fx.Node) -> str:
    """A node's name and layer, as the model's author knows it: relu_1, in layer 3, a ReLU."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    path, kind = stack[-1] if stack else ("", "")
    path = path.removeprefix("model").removeprefix(".")
    kind = str(kind).rpartition(".")[2]
    return f"{node.name}, in {f'layer {path}, a {kind}' if path else 'forward'}"
