"""The layers whose bounds are tightened, and those of undecided units in front of (leaky) ReLUs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from securemnist.certificates.graph.network import Intervals, Network
from securemnist.certificates.operations.activations import LeakyReLU
from securemnist.certificates.operations.intervals import Box


@dataclass(frozen=True)
class Layer:
    """The undecided units of one layer: the step that computes them, and the ReLUs that read it, by step.

    `units`: flat indices of the units, `columns`: their places in signs and duals.
    """

    source: int
    relus: Mapping[int, LeakyReLU]
    units: torch.Tensor
    columns: slice


def layers_before_relus(network: Network) -> list[int]:
    """The indices of the steps that a (leaky) ReLU reads, in order; 0 is the image."""
    relus = [step for step in network.steps if isinstance(step.rule, LeakyReLU)]
    return sorted({step.inputs[0] for step in relus})


def layers_to_bound(network: Network) -> list[int]:
    """The indices of the steps whose bounds decide how tight later bounds are, in order.

    Operations without exact bounds read them. Outputs of a function of single activations have no bounds
    of their own to find: they follow from those of its inputs.
    """
    read = {
        source for step in network.steps if not step.rule.exact for source in step.inputs if source
    }
    rules = {source: network.steps[source - 1].rule for source in read}
    return sorted(source for source, rule in rules.items() if rule.exact or rule.mixes)


def unsure(network: Network, source: int, box: Box) -> torch.Tensor:
    """The flat indices of the units of one sample that tighter bounds of a step may serve.

    For (leaky) ReLUs those are the undecided ones, as the others are linear. For other operations those
    with an interval of more than one point.
    """
    if all(
        step.rule.exact or isinstance(step.rule, LeakyReLU)
        for step in network.steps
        if source in step.inputs
    ):
        return undecided(box)
    return (box.lower < box.upper).flatten().nonzero().squeeze(1)


def undecided(box: Box) -> torch.Tensor:
    """The flat indices of the units of one sample whose sign the box (1, ...) leaves open."""
    return ((box.lower < 0) & (box.upper > 0)).flatten().nonzero().squeeze(1)


def layers_of(network: Network, intervals: Intervals, before: int | None = None) -> list[Layer]:
    """The layers of one sample, of all steps or of those before the step `before`."""
    layers: list[Layer] = []
    for source in layers_before_relus(network):
        if before is not None and source >= before:
            break
        units = undecided(intervals.boxes[source])
        relus = {
            index: step.rule
            for index, step in enumerate(network.steps, 1)
            if isinstance(step.rule, LeakyReLU) and step.inputs[0] == source
        }
        start = layers[-1].columns.stop if layers else 0
        layers.append(Layer(source, relus, units, slice(start, start + len(units))))
    return layers
