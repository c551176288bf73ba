"""The relaxation of one sample as a few small matrices, for searches in float32.

A unit whose sign is known is linear in its ball. All such units are merged into the linear maps between
the image, the undecided units and the logits. Thousands of domains then need no pass of the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from securemnist.certificates.activations import LeakyReLU, Lines
from securemnist.certificates.crown import EVERY_SAMPLE, Choice, lower_bounds
from securemnist.certificates.intervals import Box
from securemnist.certificates.layers import Layer
from securemnist.certificates.minimum import Minimum, above_ends, other_ends
from securemnist.certificates.network import Intervals, Network

# Numbers in the matrices of one sample: 32 MB. Above, passes of the network are cheaper.
MOST = 8_000_000
# Rows of a matrix that are computed at once.
_ROWS = 64


@dataclass(frozen=True)
class _Map:
    """Outputs = `matrix` @ [pixels, undecided ReLUs of the layers before] + `bias`."""

    matrix: torch.Tensor
    bias: torch.Tensor


@dataclass(frozen=True)
class Reduced:
    """The maps of the layers and of the logits. `slope`, `chord`, `intercept` (units,): see `Lines`.

    `columns`: the places of each layer's units in signs and duals. `lower` and `upper` (units,): their
    bounds.
    """

    image: Box
    columns: tuple[slice, ...]
    maps: tuple[_Map, ...]
    logits: _Map
    slope: torch.Tensor
    chord: torch.Tensor
    intercept: torch.Tensor
    lower: torch.Tensor
    upper: torch.Tensor

    def domains(self, signs: torch.Tensor) -> ReducedDomains:
        """Domains by signs (d, units)."""
        fixed = torch.where(signs > 0, 1.0, self.slope)
        free = signs == 0
        chord, intercept = (
            torch.where(free, self.chord, fixed),
            torch.where(free, self.intercept, 0),
        )
        return ReducedDomains(self, signs, free, fixed, chord, intercept)


@dataclass(frozen=True)
class ReducedDomains:
    """Domains: `fixed` (d, units) are the slopes of units of known sign, those not `free`."""

    reduced: Reduced
    signs: torch.Tensor
    free: torch.Tensor
    fixed: torch.Tensor
    chord: torch.Tensor
    intercept: torch.Tensor

    def lower_bounds(self, duals: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Lower bounds (d,) of sum(weights * logits), as `Domains.lower_bounds`."""
        return self._propagated(self._below(duals), duals, weights, torch.zeros_like(duals))[0]

    def minimum(self, duals: torch.Tensor, weights: torch.Tensor) -> Minimum:
        """The minima of the same bounds."""
        return self.minimum_of_units(duals, weights, torch.zeros_like(duals))[0]

    def minimum_of_units(
        self, duals: torch.Tensor, weights: torch.Tensor, units: torch.Tensor
    ) -> tuple[Minimum, torch.Tensor]:
        """The minima of sum(weights * logits) + sum(units * undecided units), and the logits there."""
        reduced, below = self.reduced, self._below(duals)
        bounds, read = self._propagated(below, duals, weights, units)
        pixels = reduced.image.lower.numel()
        lower, upper = reduced.image.lower.flatten(), reduced.image.upper.flatten()
        values, reached = torch.empty_like(read), torch.empty_like(duals)
        values[:, :pixels] = torch.where(read[:, :pixels] > 0, lower, upper)
        outer = read[:, pixels:]
        for columns, layer in zip(reduced.columns, reduced.maps, strict=True):
            value = values[:, : pixels + columns.start] @ layer.matrix.T + layer.bias
            positive = outer[:, columns] > 0
            line = torch.where(positive, below[:, columns], self.chord[:, columns]) * value
            above = torch.where(positive, 0, self.intercept[:, columns])
            values[:, pixels + columns.start : pixels + columns.stop] = line + above
            reached[:, columns] = value
        images = values[:, :pixels].reshape(-1, *reduced.image.lower.shape[1:]).contiguous()
        logits = values @ reduced.logits.matrix.T + reduced.logits.bias
        reached = above_ends(reached, self.signs, duals, self.reduced.lower, self.reduced.upper)
        return Minimum(bounds, images, reached, outer), logits

    def _other_ends(self, duals: torch.Tensor) -> torch.Tensor:
        return other_ends(self.signs, duals, self.reduced.lower, self.reduced.upper)

    def _below(self, duals: torch.Tensor) -> torch.Tensor:
        """The slopes (d, units) of lower bounds."""
        return torch.where(self.free, duals.maximum(self.reduced.slope).clamp_max(1), self.fixed)

    def _propagated(
        self,
        below: torch.Tensor,
        duals: torch.Tensor,
        weights: torch.Tensor,
        units: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The bounds, and the weights (d, pixels + units) of the pixels and of the ReLUs."""
        reduced = self.reduced
        image, multipliers = reduced.image, self.signs * duals
        added = units - multipliers
        read, total = weights @ reduced.logits.matrix, weights @ reduced.logits.bias
        total = total + (multipliers * self._other_ends(duals)).sum(1)
        pixels = image.lower.numel()
        for columns, layer in reversed(list(zip(reduced.columns, reduced.maps, strict=True))):
            outer = read[:, pixels + columns.start : pixels + columns.stop]
            positive, negative = outer.clamp_min(0), outer.clamp_max(0)
            inner = positive * below[:, columns] + negative * self.chord[:, columns]
            inner += added[:, columns]
            total = total + (negative * self.intercept[:, columns]).sum(1) + inner @ layer.bias
            read[:, : pixels + columns.start] += inner @ layer.matrix
        of_image = read[:, :pixels]
        total = total + of_image @ image.centre.flatten() - of_image.abs() @ image.radius.flatten()
        return total, read


def reduced(network: Network, intervals: Intervals, layers: Sequence[Layer]) -> Reduced | None:
    """The maps of one sample, from its float32 estimates; None where passes of the network serve.

    That is for functions other than (leaky) ReLU, and for very many undecided units.
    """
    image = intervals.boxes[0]
    widths = [image.lower.numel() + layer.columns.start for layer in layers]
    numbers = sum(width * len(layer.units) for width, layer in zip(widths, layers, strict=True))
    known = all(step.rule.exact or isinstance(step.rule, LeakyReLU) for step in network.steps)
    if not known or numbers > MOST or any(len(layer.relus) != 1 for layer in layers):
        return None
    cut: dict[int, Lines] = {}
    units = []
    for layer in layers:
        ((relu, rule),) = layer.relus.items()
        box = intervals.boxes[layer.source]
        lines = rule.lines(box)
        slope = rule.slope.to(box.lower).expand_as(box.lower)
        parts = (slope, lines.chord, lines.intercept, box.lower, box.upper)
        units.append(torch.stack([part.flatten()[layer.units] for part in parts]))
        cut[relu] = _cut(lines, layer.units)
    # With all pixels at 0 a bound of linear operations is their constant.
    none = torch.zeros_like(image.lower)
    at_zero = Intervals([Box(none, none), *intervals.boxes[1:]], [])
    layers = [layer for layer in layers if len(layer.units)]
    maps = [
        _map(network, at_zero, cut, layers[:number], layer.source, layer.units)
        for number, layer in enumerate(layers)
    ]
    classes = torch.arange(network.classes, device=none.device)
    logits = _map(network, at_zero, cut, layers, len(network.steps), classes)
    columns = tuple(layer.columns for layer in layers)
    return Reduced(
        image, columns, tuple(maps), logits, *torch.cat([*units, none.new_zeros(5, 0)], 1)
    )


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
) -> _Map:
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
    return _Map(torch.cat(matrices), torch.cat(biases))
