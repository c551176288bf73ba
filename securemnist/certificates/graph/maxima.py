"""Maxima and minima as differences and ReLUs, which have tight linear bounds and units to split.

max(a, b) is b + relu(a - b) (Bunel et al. 2020, arXiv 1909.06588), and min(a, b) is a - relu(a - b). The
maximum of a window is a tree of such pairs. All of it is exact arithmetic on the values of the deployed
network, so it has no rounding.
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
from securemnist.certificates.operations.concatenation import Concatenate
from securemnist.certificates.operations.extremes import Extreme
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.operations.rules import (
    Backward,
    Map,
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
class OfPair(Rule):
    """The larger or the smaller one of a and b, from a, b and relu(a - b), with its own interval."""

    largest: bool
    exact = True

    def enclose(self, *boxes: Box) -> Box:
        one, other, _ = boxes
        choose = torch.maximum if self.largest else torch.minimum
        return Box(choose(one.lower, other.lower), choose(one.upper, other.upper))

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
        # The other one enters through relu(a - b) alone.
        parts = [None, weights, weights] if self.largest else [weights, None, -weights]
        return parts, weights.new_zeros(len(weights))


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
    """The same network with maxima and minima as differences and ReLUs; large ones stay.

    `shape` (C, H, W): that of one input of the network.
    """
    steps: list[Step] = []
    places, shapes = [0], [shape, *(step.shape for step in network.steps)]
    for step in network.steps:
        inputs = tuple(places[source] for source in step.inputs)
        groups = _groups(step.rule, shapes[step.inputs[0]])
        parts = _parts(step, [shapes[source] for source in step.inputs])
        if groups:
            _Rewriter(steps, step, step.shape[0]).windows(inputs[0], groups)
        elif isinstance(step.rule, Extreme) and parts:
            _Rewriter(steps, step, 1, step.rule.largest).members(inputs, parts)
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


def _parts(step: Step, shapes: Sequence[Shape]) -> list[tuple[Map, int]]:
    """The members of an extreme that each input gives, and their number; none as in `_groups`."""
    rule = step.rule
    if not isinstance(rule, Extreme) or rule.constants:
        return []
    zeros = [torch.zeros(1, *shape) for shape in shapes]
    parts = [(part, part(x).shape[1]) for part, x in zip(rule.parts, zeros, strict=True)]
    values = sum(count for _, count in parts) * math.prod(step.shape)
    return parts if values <= MOST_VALUES else []


@dataclass(frozen=True)
class _Rewriter:
    """Writes the extreme `step` to the end of `steps`; all values are (channels, k, outputs)."""

    steps: list[Step]
    step: Step
    channels: int
    largest: bool = True

    def members(self, sources: Sequence[int], parts: Sequence[tuple[Map, int]]) -> None:
        """The largest or smallest of the members that the steps `sources` give, by their parts."""
        outputs, count = math.prod(self.step.shape), sum(count for _, count in parts)
        gathered = [
            self._add(Rearrange(partial(_members, part=part)), own, outputs, source)
            for (part, own), source in zip(parts, sources, strict=True)
        ]
        values = gathered[0]
        if len(gathered) > 1:
            values = self._add(Concatenate(2), count, outputs, *gathered)
        extreme = self._extreme(values, count, outputs)
        shaped = Rearrange(partial(_shaped, shape=self.step.shape))
        self.steps.append(replace(self.step, rule=shaped, inputs=(extreme,)))

    def windows(self, source: int, groups: Sequence[Windows]) -> None:
        """The maximum of each window of the step `source`, in the order of the outputs."""
        found = [self._of_window(source, group.members) for group in groups]
        outputs = torch.cat([group.outputs for group in groups])
        every = found[0]
        if len(found) > 1:
            every = self._add(Concatenate(3), 1, len(outputs), *found)
        ordered = Rearrange(partial(_ordered, order=outputs.argsort(), shape=self.step.shape))
        self.steps.append(replace(self.step, rule=ordered, inputs=(every,)))

    def _of_window(self, source: int, members: torch.Tensor) -> int:
        """The largest of the pixels `members` (k, outputs) of each window."""
        gathered = Rearrange(partial(_gathered, members=members))
        return self._extreme(self._add(gathered, *members.shape, source), *members.shape)

    def _extreme(self, values: int, remaining: int, outputs: int) -> int:
        """Pairs of the values of each output until one is left; the place of its step."""
        while remaining > 1:
            half = remaining // 2
            one, other = (self._slice(values, start, half, outputs) for start in (0, half))
            difference = self._add(Difference(), half, outputs, one, other)
            positive = self._add(LeakyReLU(torch.zeros(())), half, outputs, difference)
            rule = OfPair(self.largest)
            chosen = self._add(rule, half, outputs, one, other, positive)
            if remaining % 2:
                rest = self._slice(values, 2 * half, 1, outputs)
                chosen = self._add(Concatenate(2), half + 1, outputs, chosen, rest)
            values, remaining = chosen, remaining - half
        return values

    def _slice(self, source: int, start: int, count: int, outputs: int) -> int:
        part = Rearrange(partial(torch.narrow, dim=2, start=start, length=count))
        return self._add(part, count, outputs, source)

    def _add(self, rule: Rule, count: int, outputs: int, *inputs: int) -> int:
        """One more step of this many values for each output, and its place."""
        shape = (self.channels, count, outputs)
        self.steps.append(Step(self.step.name, rule, shape, inputs))
        return len(self.steps)


def _gathered(x: torch.Tensor, *, members: torch.Tensor) -> torch.Tensor:
    """The members (n, C, k, outputs) of the windows of planes (n, C, H, W)."""
    return x.flatten(2)[:, :, members.to(x.device)]


def _members(x: torch.Tensor, *, part: Map) -> torch.Tensor:
    """The members (n, 1, k, outputs) of an extreme that one input gives."""
    return part(x).flatten(2).unsqueeze(1)


def _shaped(x: torch.Tensor, *, shape: Shape) -> torch.Tensor:
    return x.reshape(-1, *shape)


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
