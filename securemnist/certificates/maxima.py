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

from securemnist.certificates.activations import LeakyReLU
from securemnist.certificates.intervals import Box
from securemnist.certificates.network import Network, Step
from securemnist.certificates.rules import (
    Backward,
    Concatenate,
    MaxPool,
    Rearrange,
    Rule,
    Shape,
    Sum,
)

# Pixels of a plane up to which maxima are rewritten: 64 x 64.
MOST_PIXELS = 4096


@final
@dataclass(frozen=True)
class Larger(Rule):
    """The larger one of a and b, from a, b and relu(a - b). Its interval is that of the maximum."""

    exact = True

    def enclose(self, *boxes: Box) -> Box:
        one, other, _ = boxes
        return Box(torch.maximum(one.lower, other.lower), torch.maximum(one.upper, other.upper))

    def backward(self, weights: torch.Tensor, inputs: Sequence[Box], out: Box) -> Backward:
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
    """The same network with its maxima as differences and ReLUs; those of large planes stay.

    `shape` (C, H, W): that of one image.
    """
    steps: list[Step] = []
    places, shapes = [0], [shape, *(step.shape for step in network.steps)]
    for step in network.steps:
        inputs = tuple(places[source] for source in step.inputs)
        plane = shapes[step.inputs[0]][1:]
        if isinstance(step.rule, MaxPool) and math.prod(plane) <= MOST_PIXELS:
            _Maximum(steps, step).write(inputs[0], windows(step.rule, plane))
        else:
            steps.append(replace(step, inputs=inputs))
        places.append(len(steps))
    return replace(network, steps=tuple(steps))


@dataclass(frozen=True)
class _Maximum:
    """The maximum `step`, which is written to the end of `steps`."""

    steps: list[Step]
    step: Step

    def write(self, values: int, members: torch.Tensor) -> None:
        """Pairs of the `members` (k, outputs) of each window of `values` until one is left."""
        left, outputs = members.shape
        values = self._add(Rearrange(partial(_gathered, members=members)), left, outputs, values)
        while left > 1:
            half = left // 2
            one, other = (self._part(values, start, half, outputs) for start in (0, half))
            above = self._add(Difference(), half, outputs, one, other)
            above = self._add(LeakyReLU(torch.zeros(())), half, outputs, above)
            larger = self._add(Larger(), half, outputs, one, other, above)
            if left % 2:
                rest = self._part(values, 2 * half, 1, outputs)
                larger = self._add(Concatenate(2), half + 1, outputs, larger, rest)
            values, left = larger, left - half
        shaped = Rearrange(partial(_shaped, shape=self.step.shape))
        self.steps.append(replace(self.step, rule=shaped, inputs=(values,)))

    def _part(self, values: int, start: int, count: int, outputs: int) -> int:
        part = Rearrange(partial(torch.narrow, dim=2, start=start, length=count))
        return self._add(part, count, outputs, values)

    def _add(self, rule: Rule, count: int, outputs: int, *inputs: int) -> int:
        """One more step of this many values for each output, and its place."""
        shape = (self.step.shape[0], count, outputs)
        self.steps.append(Step(self.step.name, rule, shape, inputs))
        return len(self.steps)


def _gathered(x: torch.Tensor, *, members: torch.Tensor) -> torch.Tensor:
    """The members (n, C, k, outputs) of the windows of planes (n, C, H, W)."""
    return x.flatten(2)[:, :, members.to(x.device)]


def _shaped(x: torch.Tensor, *, shape: Shape) -> torch.Tensor:
    return x.reshape(-1, *shape)


def windows(rule: MaxPool, plane: Shape) -> torch.Tensor:
    """The places (k, outputs), int64, in a plane (H, W) that each maximum is taken of.

    Windows of fewer members, as at an edge, repeat their first one.
    """
    pixels = math.prod(plane)
    # Each pixel in turn is the only one of value 1: the outputs that show it have it as a member.
    one = torch.eye(pixels).view(pixels, 1, *plane)
    shown = rule.pool(one)[0].flatten(1).T > 0
    counts = shown.sum(1)
    ranks = shown.cumsum(1) - 1
    members = torch.zeros(int(counts.max()), len(counts), dtype=torch.int64)
    members += shown.int().argmax(1)
    outputs, places = shown.nonzero(as_tuple=True)
    members[ranks[outputs, places], outputs] = places
    return members
