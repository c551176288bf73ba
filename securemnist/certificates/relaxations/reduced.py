"""The reduced network of one sample, for searches in float32: a few matrices instead of all layers.

A unit whose sign is known is linear in its ball. All such units are merged into the linear maps between
the image, the undecided units and the logits. Thousands of domains then need no pass of the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from securemnist.certificates.graph.network import Intervals
from securemnist.certificates.operations.intervals import Box, positive
from securemnist.certificates.relaxations.fixed import Fixed
from securemnist.certificates.relaxations.layers import Layer
from securemnist.certificates.relaxations.minimum import Minimum
from securemnist.certificates.relaxations.sparse import Sparse
from securemnist.certificates.relaxations.unit_bounds import UnitBounds


@dataclass(frozen=True)
class Map:
    """Outputs = `matrix` @ [pixels, undecided ReLUs of the layers before] + `bias` (outputs, 1)."""

    matrix: Sparse
    bias: torch.Tensor


@dataclass(frozen=True)
class ReducedNetwork:
    """The maps of the layers and of the logits, and the bounds of the units.

    `columns`: the places of each layer's units in signs and duals.
    """

    image: Box
    columns: tuple[slice, ...]
    maps: tuple[Map, ...]
    logits: Map
    bounds: UnitBounds

    def narrower(self, intervals: Intervals, layers: Sequence[Layer]) -> ReducedNetwork:
        """The same maps for narrower intervals, float32, of the same layers."""
        return replace(self, image=intervals.boxes[0], bounds=UnitBounds.of(intervals, layers))

    def domains(self, signs: torch.Tensor) -> ReducedDomains:
        """Domains by signs (d, units)."""
        ends = self.bounds.lower[:, 0], self.bounds.upper[:, 0]
        return ReducedDomains(self, Fixed.of(signs, *ends))

    @property
    def units(self) -> int:
        """The number of undecided units."""
        return len(self.bounds.lower)


@dataclass(frozen=True)
class _Lines:
    """The lines of a layer that bound a sum: `slopes` * x + `offsets`, both (units, d)."""

    slopes: torch.Tensor
    offsets: torch.Tensor


@dataclass(frozen=True)
class ReducedDomains:
    """Domains, by the units of known sign.

    Domains are columns in here: tensors are (units, d), as products with `Sparse` need them.
    """

    reduced: ReducedNetwork
    fixed: Fixed

    @cached_property
    def _layers(self) -> list[tuple[slice, Map, Fixed]]:
        pairs = zip(self.reduced.columns, self.reduced.maps, strict=True)
        return [(columns, layer, self.fixed.within(columns)) for columns, layer in pairs]

    def lower_bounds(self, duals: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Lower bounds (d,) of sum(weights * logits), as `Domains.lower_bounds`."""
        return self._propagated(duals.T.contiguous(), weights, None)[0]

    def minimum(self, duals: torch.Tensor, weights: torch.Tensor) -> Minimum:
        """The minima of the same bounds."""
        return self.minimum_of_units(duals, weights)[0]

    def minimum_of_units(
        self, duals: torch.Tensor, weights: torch.Tensor, units: torch.Tensor | None = None
    ) -> tuple[Minimum, torch.Tensor]:
        """The minima of sum(weights * logits) + sum(units * undecided units), and the logits there."""
        reduced, duals = self.reduced, duals.T.contiguous()
        bounds, read, lines = self._propagated(duals, weights, None if units is None else units.T)
        pixels = reduced.image.lower.numel()
        values, reached = torch.empty_like(read), torch.empty_like(duals)
        values[:pixels] = reduced.image.minimisers(read[:pixels])
        for (columns, layer, fixed), line in zip(self._layers, lines, strict=True):
            value = layer.matrix.times(values[: pixels + columns.start]).add_(layer.bias)
            after = values[pixels + columns.start : pixels + columns.stop]
            torch.addcmul(line.offsets, line.slopes, value, out=after)
            above = fixed.above_ends(value[fixed.units].T, duals[columns][fixed.units].T)
            reached[columns] = value.index_copy_(0, fixed.units, above.T)
        images = values[:pixels].T.reshape(-1, *reduced.image.lower.shape[1:]).contiguous()
        logits = (reduced.logits.matrix.times(values) + reduced.logits.bias).T
        return Minimum(bounds, images, reached.T, read[pixels:].T, self.fixed), logits

    def _propagated(
        self, duals: torch.Tensor, weights: torch.Tensor, units: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, list[_Lines]]:
        """The bounds (d,), the weights (pixels + units, d) of pixels and ReLUs, and their lines."""
        reduced, pixels = self.reduced, self.reduced.image.lower.numel()
        read = reduced.logits.matrix.transposed_times(weights.T)
        total = (weights @ reduced.logits.bias)[:, 0]
        every_line: list[_Lines] = []
        for columns, layer, fixed in reversed(self._layers):
            outer, dual = read[pixels + columns.start : pixels + columns.stop], duals[columns]
            lines = self._lines(columns, fixed, positive(outer), dual)
            every_line.insert(0, lines)
            total += (outer * lines.offsets).sum(0)
            inner = outer * lines.slopes
            multipliers = fixed.signs.T * dual[fixed.units]
            inner.index_add_(0, fixed.units, multipliers, alpha=-1)
            total += (multipliers * fixed.other_ends(dual[fixed.units].T).T).sum(0)
            if units is not None:
                inner += units[columns]
            total += (layer.bias.T @ inner)[0]
            read[: pixels + columns.start] += layer.matrix.transposed_times(inner)
        total += reduced.image.minimum_of_columns(read[:pixels])
        return total, read, every_line

    def _lines(
        self, columns: slice, fixed: Fixed, above: torch.Tensor, duals: torch.Tensor
    ) -> _Lines:
        """The lines of a layer: lower ones where `above` is 1: the weight of the output is above 0."""
        bounds = self.reduced.bounds
        below = duals.clamp(bounds.least[columns], bounds.most[columns])
        slopes = torch.lerp(bounds.chord[columns], below, above)
        intercept = bounds.intercept[columns]
        offsets = torch.addcmul(intercept, intercept, above, value=-1)
        known = torch.where(fixed.signs.T > 0, 1, bounds.slope[columns][fixed.units])
        free = fixed.free.T
        slopes[fixed.units] = torch.where(free, slopes[fixed.units], known)
        offsets[fixed.units] = torch.where(free, offsets[fixed.units], 0)
        return _Lines(slopes, offsets)
