"""Maximum pooling as differences and ReLUs, which have tight linear bounds and units to split.

max(a, b) is b + relu(a - b) (Bunel et al. 2020, arXiv 1909.06588). The maximum of a window is a tree of
such pairs. All of it is exact arithmetic on the values of the deployed network, so it has no rounding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import final

import torch

from securemnist.certificates.graph.network import Network, Step
from securemnist.certificates.operations.activations import LeakyReLU
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.operations.rules import (
    Backward,
    Concatenate,
    MaxPool,
    Rearrange,
    Rule,
    Shape,
    Sum,
)

# Maxima are rewritten for planes of 64 x 64 pixels at most, and for so many members of all windows.
MOST_PIXELS, MOST_VALUES = 4096, 60_000


@final
@dataclass(frozen=True)
class Larger(Rule):
    """The larger one of a and b, from a, b and relu(a - b). Its interval is that of the maximum."""

    exact = True

    def enclose(self, *boxes: Box) -> Box:
        one, other, _ = boxes
        return Box(torch.maximum(one.lower, other.lower), torch.maximum(one.upper, other.upper))

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        # a enters through relu(a - b) alone.
        return [None, weights, weights], weights.new_zeros(len(weights))


@final
@dataclass(frozen=True)
class Difference(Rule):
    """a - b of values that are compared, not subtracted, by the deployed network: without rounding."""

    exact = True

    def enclose(self, *boxes: Box) -> Box:
        return Sum((1, -1)).enclose(*boxes)

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        return [weights, -weights], weights.new_zeros(len(weights))


def without_maxima(network: Network, shape: Shape) -> Network:
    """The same network with its maxima as differences and ReLUs; large ones stay as they are.

    `shape` (C, H, W): that of one input of the network.
    """
    steps: list[Step] = []
    places, shapes = [0], [shape, *(step.shape for step in network.steps)]
    for step in network.steps:
        inputs = tuple(places[source] for source in step.inputs)
        groups = _groups(step.rule, shapes[step.inputs[0]])
        if groups:
            _Rewriter(steps, step).write(inputs[0], groups)
        else:
            steps.append(replace(step, inputs=inputs))
        places.append(len(steps))
    return replace(network, steps=tuple(steps))


def _groups(rule: Rule, shape: Shape) -> list[Windows]:
    """The windows of a maximum of values (C, H, W); none for other rules and where they are too many."""
    if not isinstance(rule, MaxPool) or math.prod(shape[1:]) > MOST_PIXELS:
        return []
    groups = windows(rule, shape[1:])
    values = shape[0] * sum(group.members.numel() for group in groups)
    return groups if values <= MOST_VALUES else []


@dataclass(frozen=True)
class _Rewriter:
    """Writes the maximum `step` to the end of `steps`; all values are (C, k, outputs)."""

    steps: list[Step]
    step: Step

    def write(self, source: int, groups: Sequence[Windows]) -> None:
        """The maximum of each window of the step `source`, in the order of the outputs."""
        found = [self._largest(source, group.members) for group in groups]
        outputs = torch.cat([group.outputs for group in groups])
        every = found[0]
        if len(found) > 1:
            every = self._add(Concatenate(3), 1, len(outputs), *found)
        ordered = Rearrange(partial(_ordered, order=outputs.argsort(), shape=self.step.shape))
        self.steps.append(replace(self.step, rule=ordered, inputs=(every,)))

    def _largest(self, source: int, members: torch.Tensor) -> int:
        """Pairs of the `members` (k, outputs) of each window until one is left; the place of its step."""
        remaining, outputs = members.shape
        gathered = Rearrange(partial(_gathered, members=members))
        values = self._add(gathered, remaining, outputs, source)
        while remaining > 1:
            half = remaining // 2
            one, other = (self._slice(values, start, half, outputs) for start in (0, half))
            difference = self._add(Difference(), half, outputs, one, other)
            positive = self._add(LeakyReLU(torch.zeros(())), half, outputs, difference)
            larger = self._add(Larger(), half, outputs, one, other, positive)
            if remaining % 2:
                rest = self._slice(values, 2 * half, 1, outputs)
                larger = self._add(Concatenate(2), half + 1, outputs, larger, rest)
            values, remaining = larger, remaining - half
        return values

    def _slice(self, source: int, start: int, count: int, outputs: int) -> int:
        part = Rearrange(partial(torch.narrow, dim=2, start=start, length=count))
        return self._add(part, count, outputs, source)

    def _add(self, rule: Rule, count: int, outputs: int, *inputs: int) -> int:
        """One more step of this many values for each output, and its place."""
        shape = (self.step.shape[0], count, outputs)
        self.steps.append(Step(self.step.name, rule, shape, inputs))
        return len(self.steps)


def _gathered(x: torch.Tensor, *, members: torch.Tensor) -> torch.Tensor:
    """The members (n, C, k, outputs) of the windows of planes (n, C, H, W)."""
    return x.flatten(2)[:, :, members.to(x.device)]


def _ordered(x: torch.Tensor, *, order: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Values (n, C, 1, outputs) in the order of the outputs, in the shape of one sample."""
    return x[:, :, 0, order.to(x.device)].reshape(-1, *shape)


@dataclass(frozen=True)
class Windows:
    """Windows of k members: the `outputs` (o,) that they give, and their pixels `members` (k, o)."""

    outputs: torch.Tensor
    members: torch.Tensor


def windows(rule: MaxPool, plane: Shape) -> list[Windows]:
    """The windows of planes (H, W), by their number of members: fewer at an edge.

    None where a window has no member: there the maximum has no value.
    """
    pixels = math.prod(plane)
    # Each pixel in turn is the only one of value 1: the outputs that show it have it as a member.
    one = torch.eye(pixels).view(pixels, 1, *plane)
    shown = rule.pool(one)[0].flatten(1).T > 0
    counts = shown.sum(1)
    if not bool((counts > 0).all()):
        return []
    groups = []
    for count in counts.unique().tolist():
        outputs = (counts == count).nonzero()[:, 0]
        members = shown[outputs].nonzero()[:, 1].view(len(outputs), count).T
        groups.append(Windows(outputs, members.contiguous()))
    return groups
