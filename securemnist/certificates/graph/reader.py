"""Translation of an exported graph into steps with rules; NoCertificate for unsupported operations."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import fx

from securemnist.certificates.graph.batch_dimension import MOVING, samples_first
from securemnist.certificates.graph.export import Exported
from securemnist.certificates.graph.network import Step
from securemnist.certificates.graph.nodes import check_no_pixel_is_read, is_part, tensor_of, where
from securemnist.certificates.operations.arithmetic import Activations
from securemnist.certificates.operations.links import Link
from securemnist.certificates.operations.operators import (
    ALIKE,
    BINARY,
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
from securemnist.certificates.operations.softmax import Softmax
from securemnist.errors import NoCertificate, first_line

# Modules of functions on numbers and sizes in a graph: operator, math, torch.sym_*.
_NUMBER_MODULES = ("_operator", "math", "torch")
_IGNORED = (aten._assert_tensor_metadata.default,)
_MIXED = "expected activations of each sample, got them mixed over the batch"


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
        # Constants that are repeated for each sample, as (1, ...).
        self._repeated: dict[fx.Node, torch.Tensor] = {}
        self._batch: Any = None
        self._exported = exported

    def read(self) -> tuple[Step, ...]:
        """The steps up to the one that computes the logits."""
        check_no_pixel_is_read(self._exported)
        for node in self._exported.graph.nodes:
            if node.op == "placeholder":
                self._add_input(node)
            elif node.op == "output":
                return self._up_to(node.args[0][0])
            elif any(source in self._step_of for source in node.all_input_nodes):
                self._add_operation(node)
            elif any(source in self._sizes for source in node.all_input_nodes):
                self._sizes.add(node)
                self._add_repeated(node)
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
        moved = bool(last) and self._batch_dimension(logits) != 0
        if moved or len(shape) != 1 or shape[0] < 2 or tensor_of(logits).dtype != torch.float32:
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
        if node.target in ALIKE and not self._batch_dimension(node):
            self._constants[node] = node.target(torch.zeros(1, *self._shape(node)), **node.kwargs)
            return
        if node.target in PARTS:
            self._step_of[node] = self._inputs(node)[0]
            return
        if node.target is operator.getitem and not is_part(node):
            if node.args[1] != 0:
                raise NoCertificate(
                    f"expected an operation's first output, got another ({where(node)})"
                )
            self._step_of[node] = self._step_of[node.args[0]]  # type: ignore[index]
            return
        try:
            rules, inputs = self._rules(node)
        except NoCertificate as error:
            raise NoCertificate(f"{error} ({where(node)})") from error
        except Exception as error:
            raise NoCertificate(
                f"expected supported arguments, got others ({where(node)})"
            ) from error
        before: tuple[int, ...] = ()
        for rule in rules:
            # The first rule reads every operand.
            every = () if before else tuple(range(len(inputs)))
            link = rule if isinstance(rule, Link) else Link(rule, self._shape(node), every)
            read = (*before, *(inputs[operand] for operand in link.operands))
            self.steps.append(Step(node.name, link.rule, link.shape, read))
            before = (len(self.steps),)
        self._step_of[node] = (before or inputs)[0]

    def _add_repeated(self, node: fx.Node) -> None:
        """Keep a constant, such as the first token of a transformer, that is repeated for each sample."""
        source: Any = node.args[0] if node.target is aten.expand.default else None
        constant = self._constants.get(source)
        if not isinstance(constant, torch.Tensor) or not constant.is_floating_point():
            return
        batch, *rest = node.meta["val"].shape
        same = isinstance(batch, torch.SymInt) and batch.node.expr == self._batch.node.expr
        if same and (constant.dim() <= len(rest) or len(constant) == 1):
            self._repeated[node] = constant.expand(1, *rest)

    def _rules(self, node: fx.Node) -> tuple[Sequence[Rule | Link], tuple[int, ...]]:
        """The rules of a node, which follow each other, and the steps that it reads."""
        target: Any = node.target
        if target not in OPERATORS and not is_part(node):
            name = target.__name__.partition(".")[0]
            plain = (reason for start, reason in REASONS.items() if name.startswith(start))
            raise NoCertificate(f"expected operations with known bounds, got {next(plain, name)}")
        self._check_no_booleans(node)
        inputs = self._inputs(node)
        caller: Any = node.args[0] if is_part(node) else node
        args, kwargs = fx.node.map_arg(
            (caller.args, caller.kwargs), lambda n: self._value(n, caller.target)
        )
        target, args = self._samples_first(node, caller, args)
        if is_part(node):
            found: Any = PARTS[target](node.args[1], *args[1:])
        else:
            found = OPERATORS[target](self._shape(node), *args, **kwargs)
        rules = [found] if isinstance(found, Rule) else (found or [])
        if rules:
            self._bound_softmax(inputs)
        return rules, inputs

    def _samples_first(self, node: fx.Node, caller: fx.Node, args: Any) -> tuple[Any, Any]:
        """The operation and its arguments, for activations that are kept with samples first."""
        read = [n for n in caller.all_input_nodes if n in self._step_of]
        if not any(self._batch_dimension(n) for n in (node, *read)):
            return caller.target, args
        if caller.target not in MOVING:
            raise NoCertificate(_MIXED)
        sides, batch = tensor_of(read[0]).dim(), self._batch_dimension(read[0])
        target, rest = samples_first(caller.target, args[1:], sides, batch)
        return target, [args[0], *rest]

    def _inputs(self, node: fx.Node) -> tuple[int, ...]:
        """The steps whose activations a node reads: in one argument, several (OPERANDS), or a list."""
        operands: Any = node.args[: OPERANDS.get(node.target, 1)]
        if operands and isinstance(operands[0], Sequence):
            operands = operands[0]
        sources = [n for n in operands if isinstance(n, fx.Node) and n in self._step_of]
        if set(sources) != {n for n in node.all_input_nodes if n in self._step_of}:
            raise NoCertificate("expected constants as further arguments, got activations")
        return tuple(self._step_of[n] for n in sources)

    def _bound_softmax(self, read: Sequence[int]) -> None:
        """Give a softmax over the classes that another operation reads its own bounds."""
        for index in read:
            rule = self.steps[index - 1].rule if index else None
            if isinstance(rule, LogSoftmax):
                if not rule.exponential:
                    raise NoCertificate("expected log-softmax as the last operation, got another")
                step = self.steps[index - 1]
                self.steps[index - 1] = replace(step, rule=Softmax(1, step.shape[0]))

    def _check_no_booleans(self, node: fx.Node) -> None:
        dtypes = [tensor_of(n).dtype for n in node.all_input_nodes if n in self._step_of]
        if torch.bool in dtypes and node.target not in READERS_OF_BOOLEANS:
            raise NoCertificate(
                "expected truth values to be converted to float32, got them as they are"
            )

    def _value(self, node: fx.Node, target: Any) -> Any:
        if node in self._step_of:
            return Activations(self._shape(node), tensor_of(node).stride())
        if node in self._constants:
            return self._constants[node]
        if node in self._repeated and (target in BINARY or target is aten.cat.default):
            return self._repeated[node]
        if target in SIZED and not isinstance(node.meta.get("val"), torch.Tensor):
            return None
        raise NoCertificate(
            "expected the number of images to be used as a size alone, got a calculation"
        )

    def _shape(self, node: fx.Node) -> Shape:
        """The shape per sample of float32 activations, or of boolean results of a comparison."""
        value, batch = tensor_of(node), self._batch_dimension(node)
        rest = (*value.shape[:batch], *value.shape[batch + 1 :])
        dtype = torch.bool if node.target in COMPARISONS else torch.float32
        if value.dtype != dtype or not all(type(size) is int for size in rest):
            raise NoCertificate("expected float32 activations of constant shape, got others")
        return tuple(rest)

    def _batch_dimension(self, node: fx.Node) -> int:
        """The number of the dimension of the samples; NoCertificate unless there is one."""
        sizes = tensor_of(node).shape
        symbols = (s.node.expr if isinstance(s, torch.SymInt) else None for s in sizes)
        found = [k for k, symbol in enumerate(symbols) if symbol == self._batch.node.expr]
        if len(found) != 1:
            raise NoCertificate(_MIXED)
        return found[0]

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
