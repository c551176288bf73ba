"""The reduced network of one sample: known units are merged into the maps between the others."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from securemnist.certificates.bounds.crown import EVERY_SAMPLE, Choice, lower_bounds
from securemnist.certificates.graph.network import Intervals, Network
from securemnist.certificates.operations.activations import LeakyReLU, Lines
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.relaxations.layers import Layer
from securemnist.certificates.relaxations.reduced import Map, ReducedNetwork
from securemnist.certificates.relaxations.sparse import Sparse
from securemnist.certificates.relaxations.unit_bounds import UnitBounds

# Numbers in the matrices of one sample: 32 MB, and 96 MB where half of them are kept by index, too.
# Above, passes of the network are cheaper.
MOST = 8_000_000
# Rows of a matrix that are computed at once.
_ROWS = 64


def reduced_network(
    network: Network, intervals: Intervals, layers: Sequence[Layer]
) -> ReducedNetwork | None:
    """The network of one sample, by its float32 estimates; None where passes of the whole one serve.

    That is for functions other than (leaky) ReLU, and for very many undecided units.
    """
    image = intervals.boxes[0]
    widths = [image.lower.numel() + layer.columns.start for layer in layers]
    numbers = sum(width * len(layer.units) for width, layer in zip(widths, layers, strict=True))
    known = all(step.rule.exact or isinstance(step.rule, LeakyReLU) for step in network.steps)
    if not known or numbers > MOST or any(len(layer.relus) != 1 for layer in layers):
        return None
    cut: dict[int, Lines] = {}
    for layer in layers:
        ((relu, rule),) = layer.relus.items()
        cut[relu] = _cut(rule.lines(intervals.boxes[layer.source]), layer.units)
    # With all pixels at 0 a bound of linear operations is their constant.
    none = torch.zeros_like(image.lower)
    at_zero = Intervals([Box(none, none), *intervals.boxes[1:]], [])
    some = [layer for layer in layers if len(layer.units)]
    maps = [
        _map(network, at_zero, cut, some[:number], layer.source, layer.units)
        for number, layer in enumerate(some)
    ]
    classes = torch.arange(network.classes, device=none.device)
    logits = _map(network, at_zero, cut, some, len(network.steps), classes)
    columns = tuple(layer.columns for layer in some)
    return ReducedNetwork(image, columns, tuple(maps), logits, UnitBounds.of(intervals, layers))


def _cut(lines: Lines, units: torch.Tensor) -> Lines:
    """Lines of ReLUs whose undecided `units` are left out: they pass nothing on."""
    linear = lines.linear.flatten().index_fill(0, units, 0).view(lines.linear.shape)
    return Lines(torch.zeros_like(lines.crosses), linear, linear, torch.zeros_like(lines.intercept))


def _map(
    network: Network,
    at_zero: Intervals,
    cut: dict[int, Lines],
    before: Sequence[Layer],
    step: int,
    units: torch.Tensor,
) -> Map:
    """The map to these units of a step, from the pixels and the undecided ReLUs of layers `before`."""
    box = at_zero.boxes[step].lower
    pixels = torch.arange(at_zero.boxes[0].lower.numel(), device=box.device)
    inputs = [(0, pixels), *((relu, layer.units) for layer in before for relu in layer.relus)]
    matrices, biases = [], []
    for part in units.split(_ROWS):
        rows = box.new_zeros(len(part), box.numel())
        rows[torch.arange(len(part), device=part.device), part] = 1
        choice = Choice({relu: lines.linear for relu, lines in cut.items()}, cut)
        rows = rows.view(len(part), *box.shape[1:])
        bias = lower_bounds(
            network, at_zero, EVERY_SAMPLE, rows, to_image=True, step=step, choice=choice
        )
        read = [
            choice.weights[index].flatten(1)[:, of]
            if index in choice.weights
            else box.new_zeros(len(part), len(of))
            for index, of in inputs
        ]
        matrices.append(torch.cat(read, 1))
        biases.append(bias)
    return Map(Sparse(torch.cat(matrices)), torch.cat(biases)[:, None])
