"""Network: a model as the chain of steps that torch.fx finds in it, each with its rule.

Nothing is assumed of a model but its own graph. What has no rule, changes with the batch, or works in
place where others still look leads to NoCertificate, which names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn

from securemnist.certify.arithmetic import ARITHMETIC, CASTS, COMPARISONS, arithmetic
from securemnist.certify.boxes import Box
from securemnist.certify.functions import MAKERS, SEVERAL, SHAPED
from securemnist.certify.layers import rule_of
from securemnist.certify.memory import Memory, writes
from securemnist.certify.rules import Normalised, Rule, Shape
from securemnist.certify.tracer import counts
from securemnist.certify.tracing import Facts, trace
from securemnist.errors import NoCertificate
from securemnist.types import CLASSES

# A step's share of float64 rounding, beside that of float32, which is far larger where there is one.
_HAIR = 2.0**-40


@dataclass(frozen=True)
class Step:
    """A rule, and the places of what it reads: 0 is the image, k the k-th step's output."""

    name: str
    rule: Rule
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Network:
    """Steps in their order; the last gives the logits. `traced` computes what they stand for."""

    steps: tuple[Step, ...]
    traced: nn.Module

    @property
    def probabilities(self) -> bool:
        """Whether what the network answers are probabilities, and bounds are of their logarithms."""
        last = self.steps[-1].rule
        return isinstance(last, Normalised) and last.exponential

    def walk(self, image: Box) -> Walk:
        """The boxes of all places, wide enough for the deployed float32 network's rounding."""
        boxes, slips = [image], [torch.zeros_like(image.lower)]
        for step in self.steps:
            inputs = [boxes[place] for place in step.inputs]
            out, error = step.rule.enclose(*inputs), step.rule.rounding(*inputs)
            slip = _HAIR * out.size if error is None else error + _HAIR * out.size
            boxes.append(out.widened(slip))
            slips.append(slip)
        return Walk(boxes, slips)


@dataclass(frozen=True)
class Walk:
    """Of one batch: `boxes` of all places, and by how much rounding may be off there, `slips`."""

    boxes: list[Box]
    slips: list[torch.Tensor]


def read(model: nn.Module) -> Network:
    """The steps of `model` in eval mode; NoCertificate in one sentence where there are none."""
    traced, facts = trace(model)
    return Network(_steps(traced, facts), traced)


def _name(node: fx.Node) -> str:
    """A node's name as the model's owner knows it."""
    return node.name.removeprefix("model_")


def _steps(traced: fx.GraphModule, facts: Facts) -> tuple[Step, ...]:
    modules = dict(traced.named_modules())
    places: dict[fx.Node, int] = {}
    steps: list[Step] = []
    memory = Memory(traced.graph)
    for node in traced.graph.nodes:
        if node.op == "placeholder":
            if places:
                raise NoCertificate(f"expected one input, got a second, {_name(node)}")
            places[node] = 0
            memory.place(node)
        elif node.op == "output":
            given = node.args[0]
            last = places.get(given, 0) if isinstance(given, fx.Node) else 0
            if not last or facts.shapes.get(given.name) != (CLASSES,):
                raise NoCertificate("expected the last step to give ten logits, got another")
            return tuple(steps[:last])  # what comes behind it is read by nobody
        elif any(given in places for given in node.all_input_nodes):
            if counts(node):
                continue
            _check_known(node)
            reads = _reads(node, places)
            rule = _rule(node, modules, places, facts, memory)
            steps.append(Step(node.name, rule, reads))
            places[node] = len(steps)
        elif node.users and any(counts(given) for given in node.all_input_nodes):
            raise NoCertificate(
                "expected the number of images to be used as a size alone, got it calculated with "
                f"({_name(node)})"
            )
    raise NoCertificate("expected a graph with an output, got none")


def _check_known(node: fx.Node) -> None:
    if node.op != "call_module" and node.target not in ARITHMETIC and node.target not in MAKERS:
        name = getattr(node.target, "__name__", str(node.target))
        if name == "getattr":  # x.T
            name = str(node.args[1])
        raise NoCertificate(f"expected layers with known bounds, got {name} ({_name(node)})")


def _reads(node: fx.Node, places: Mapping[fx.Node, int]) -> tuple[int, ...]:
    """The places a node reads, in the order of its arguments, once for each time."""
    operands: Sequence[Any] = node.args[:2] if node.target in ARITHMETIC else node.args[:1]
    if node.target in SEVERAL and operands and isinstance(operands[0], Sequence):
        operands = operands[0]
    reads = [places[given] for given in _tracked(operands, places)]
    if not reads or set(reads) != {places[n] for n in node.all_input_nodes if n in places}:
        raise NoCertificate(f"expected activations as first arguments, got others in {_name(node)}")
    return tuple(reads)


def _rule(
    node: fx.Node,
    modules: Mapping[str, nn.Module],
    places: Mapping[fx.Node, int],
    facts: Facts,
    memory: Memory,
) -> Rule:
    """The rule of a node, whose value is placed in `memory`; NoCertificate, which names it, for none."""
    try:
        overwrites = writes(node, modules)
        rule = _known_rule(node, modules, places, facts)
        if isinstance(rule, Normalised) and any(user.op != "output" for user in node.users):
            raise NoCertificate("expected softmax as the last step, got others behind it")
        memory.place(node, shares=rule.shares, writes=overwrites)
        return rule
    except NoCertificate as error:
        raise NoCertificate(f"{error} ({_name(node)})") from error
    except Exception as error:
        raise NoCertificate(f"expected usual arguments, got others ({_name(node)})") from error


def _known_rule(
    node: fx.Node,
    modules: Mapping[str, nn.Module],
    places: Mapping[fx.Node, int],
    facts: Facts,
) -> Rule:
    shape = _shape(node, facts)
    if node.op == "call_module":
        return rule_of(modules[str(node.target)], shape)
    if node.target in ARITHMETIC:
        if node.kwargs or len(node.args) != 2:
            raise NoCertificate("expected two operands, got others")
        if any(facts.shapes[given.name] != shape for given in _tracked(node.args, places)):
            raise NoCertificate("expected operands of one shape, got others")
        tracked = [isinstance(given, fx.Node) and given in places for given in node.args]
        operands = [_constant(given, facts) for given in node.args]
        return arithmetic(ARITHMETIC[node.target], operands, shape, tracked)
    maker = MAKERS[node.target]
    if maker in SHAPED:
        return maker((), {}, shape)  # whatever the sizes are, the output's shape shows them
    rest, named = _values((node.args[1:], node.kwargs), facts)
    return maker(rest, named, shape)


def _shape(node: fx.Node, facts: Facts) -> Shape:
    """What the node gives a digit, in float32; truth values, which nothing but a cast may read."""
    if any(read.name in facts.truths for read in node.all_input_nodes) and node.target not in CASTS:
        raise NoCertificate("expected truth values to be made float32 first, got them as they are")
    shape = (facts.truths if node.target in COMPARISONS else facts.shapes).get(node.name)
    if shape is None:
        raise NoCertificate(
            "expected float32 activations of each digit, whatever their number, got another"
        )
    return shape


def _values(arguments: Any, facts: Facts) -> Any:
    """Arguments with what they stand for: F.avg_pool2d(x, x.size(3)), F.linear(x, self.weight)."""

    def value(given: fx.Node) -> Any:
        found = _constant(given, facts)
        if found is None:
            raise NoCertificate("expected constants as further arguments, got what changes")
        return found

    return fx.node.map_arg(arguments, value)


def _tracked(operands: Sequence[Any], places: Mapping[fx.Node, int]) -> list[fx.Node]:
    return [given for given in operands if isinstance(given, fx.Node) and given in places]


def _constant(given: Any, facts: Facts) -> Any:
    """The value of an operand that does not depend on the image."""
    if not isinstance(given, fx.Node):
        return given
    return facts.constants.get(given.name)
