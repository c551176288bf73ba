"""The linear relaxation of one sample's network, in domains: the signs of some units are fixed.

A domain fixes units (inputs of a ReLU) to be at least 0 (+1) or at most 0 (-1); there the ReLU is
linear. Together the domains of a split hold every image of the ball. The constraints enter the bound
with multipliers (beta-CROWN, Wang et al. 2021, arXiv 2103.06624), the other undecided units with
slopes of their lower bounds (alpha-CROWN, Xu et al. 2021, arXiv 2011.13824). `duals` holds both, one
number a unit. Any slope from 0 to 1 is sound, and any multiplier: below 0 it is that of the unit's
other bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch

from securemnist.certificates.bounds.crown import EVERY_SAMPLE, Choice, lower_bounds
from securemnist.certificates.graph.network import Intervals, Network
from securemnist.certificates.operations.activations import Lines
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.relaxations.fixed import Fixed
from securemnist.certificates.relaxations.layers import Layer, layers_of
from securemnist.certificates.relaxations.minimum import Minimum
from securemnist.certificates.relaxations.reduced import ReducedDomains, ReducedNetwork
from securemnist.certificates.relaxations.reduction import reduced_network


class Relaxation:
    """The relaxation of one sample. `intervals` are bounds of this sample alone, in float64.

    Bounds are those of the outputs of the step `before`, by default of the logits. `wider`: a relaxation
    for wider intervals of the same sample, whose units and reduced network serve again.
    """

    def __init__(
        self,
        network: Network,
        intervals: Intervals,
        before: int | None = None,
        wider: Relaxation | None = None,
    ) -> None:
        self.network, self.intervals, self.before = network, intervals, before
        self.layers: list[Layer] = wider.layers if wider else layers_of(network, intervals, before)
        self.units = self.layers[-1].columns.stop if self.layers else 0
        self._fast, self._wider = intervals.estimates(), wider

    def narrower(self, intervals: Intervals) -> Relaxation:
        """The relaxation for narrower intervals; with a reduced network, it has the same units."""
        return Relaxation(self.network, intervals, self.before, self if self.reduced else None)

    def known_signs(self) -> torch.Tensor:
        """The signs (1, units), int8, that the bounds show; 0 for the others."""
        lower, upper = self.ends
        # A unit that is 0 everywhere has -1: its ReLU is 0 with either sign.
        return torch.where(upper <= 0, -1, (lower >= 0).to(torch.int8))[None]

    @cached_property
    def ends(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The lower and upper bounds (units,) of the undecided units, float32."""
        boxes = [self._fast.boxes[layer.source] for layer in self.layers]
        none = torch.zeros(0, device=self._fast.boxes[0].lower.device)
        units = [layer.units for layer in self.layers]
        lower = [box.lower.flatten()[of] for box, of in zip(boxes, units, strict=True)]
        upper = [box.upper.flatten()[of] for box, of in zip(boxes, units, strict=True)]
        return torch.cat([*lower, none]), torch.cat([*upper, none])

    def first_duals(self) -> torch.Tensor:
        """The slopes (1, units) of CROWN, float32: those that leave the smaller area."""
        lower, upper = self.ends
        return (upper > -lower).float()[None]

    def domains(self, signs: torch.Tensor) -> Domains:
        """Domains by signs (d, units): -1, 0 or 1. Their bounds are certificates, float64."""
        return self._domains(signs, self.intervals)

    def estimates(self, signs: torch.Tensor) -> Domains | ReducedDomains:
        """The same domains in float32: for searches, not for certificates."""
        reduced = self.reduced
        return self._domains(signs, self._fast) if reduced is None else reduced.domains(signs)

    @cached_property
    def reduced(self) -> ReducedNetwork | None:
        """The reduced network of `estimates`; None where passes of the network serve."""
        if self._wider:
            reduced = self._wider.reduced
            return reduced and reduced.narrower(self._fast, self.layers)
        whole = self.before is None
        return reduced_network(self.network, self._fast, self.layers) if whole else None

    def _domains(self, signs: torch.Tensor, intervals: Intervals) -> Domains:
        boxes = list(intervals.boxes)
        for layer in self.layers:
            sign = signs[:, layer.columns]
            if bool(sign.any()):
                boxes[layer.source] = _split(boxes[layer.source], layer.units, sign)
        lines = {
            relu: rule.lines(boxes[layer.source])
            for layer in self.layers
            for relu, rule in layer.relus.items()
        }
        return Domains(self, Intervals(boxes, intervals.errors), lines, signs)


@dataclass(frozen=True)
class Domains:
    """Several domains of one sample: `intervals` are their bounds, (1, ...) or (d, ...)."""

    relaxation: Relaxation
    intervals: Intervals
    lines: Mapping[int, Lines]
    signs: torch.Tensor

    @cached_property
    def fixed(self) -> Fixed:
        """The units with a sign."""
        return Fixed.of(self.signs, *self.relaxation.ends)

    def lower_bounds(
        self, duals: torch.Tensor, weights: torch.Tensor, units: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Lower bounds (d,) of sum(weights * outputs) in each domain: `weights` (d, ...).

        `duals` (d, units). `units` (d, units): weights of the undecided units in the same sum.
        """
        choice = Choice(lines=self.lines)
        if units is not None:
            for layer in self.relaxation.layers:
                added = _dense(units[:, layer.columns], layer.units, self._shape(layer))
                choice.added[layer.source] = added
        return self._bounded(duals, weights, choice)

    @torch.enable_grad()
    def minimum(self, duals: torch.Tensor, weights: torch.Tensor) -> Minimum:
        """The minima of the same bounds."""
        # The derivative of a bound by the weight of a value is that value, where the bound is reached.
        zeros = {
            layer.source: duals.new_zeros(len(duals), *self._shape(layer)).requires_grad_()
            for layer in self.relaxation.layers
        }
        choice = Choice(lines=self.lines, added=dict(zeros))
        bounds = self._bounded(duals, weights, choice)
        gradients: tuple[torch.Tensor | None, ...] = (None,) * len(zeros)
        if bounds.requires_grad:
            inputs = list(zeros.values())
            gradients = torch.autograd.grad(bounds.sum(), inputs, allow_unused=True)
        values, read = torch.zeros_like(duals), torch.zeros_like(duals)
        for layer, value in zip(self.relaxation.layers, gradients, strict=True):
            for relu in layer.relus if value is not None else ():
                if relu in choice.weights:
                    read[:, layer.columns] += (
                        choice.weights[relu].detach().flatten(1)[:, layer.units]
                    )
            if value is not None:
                values[:, layer.columns] = value.flatten(1)[:, layer.units]
        fixed = self.fixed
        above = fixed.above_ends(values[:, fixed.units], duals[:, fixed.units])
        values[:, fixed.units] = above
        box = self.intervals.boxes[0]
        images = box.centre.expand(len(duals), *box.lower.shape[1:])
        if 0 in choice.weights:  # not where intervals bound a layer in between
            weights_of_image = choice.weights[0].detach().flatten(1).T
            images = box.minimisers(weights_of_image).T.reshape(-1, *box.lower.shape[1:])
        return Minimum(bounds.detach(), images.detach(), values, read, fixed)

    def _bounded(self, duals: torch.Tensor, weights: torch.Tensor, choice: Choice) -> torch.Tensor:
        constant = weights.new_zeros(())
        for layer in self.relaxation.layers:
            sign, dual = self.signs[:, layer.columns], duals[:, layer.columns]
            slope = _dense(dual, layer.units, self._shape(layer))
            choice.slopes.update(dict.fromkeys(layer.relus, slope))
            if bool(sign.any()):
                added = _dense(-sign * dual, layer.units, self._shape(layer))
                before = choice.added.get(layer.source)
                choice.added[layer.source] = added if before is None else before + added
                # What is added to the bound, with this constant, is at most 0.
                constant = constant + _constant(self.intervals.boxes[layer.source], added)
        return constant + lower_bounds(
            self.relaxation.network,
            self.intervals,
            EVERY_SAMPLE,
            weights,
            to_image=True,
            step=self.relaxation.before,
            choice=choice,
        )

    def _shape(self, layer: Layer) -> torch.Size:
        """The shape of one sample's values of this layer."""
        return self.intervals.boxes[layer.source].lower.shape[1:]


def _split(box: Box, units: torch.Tensor, sign: torch.Tensor) -> Box:
    """The boxes (d, ...) of domains from that of the sample (1, ...)."""
    shape = (len(sign), *box.lower.shape[1:])
    lower, upper = (end.expand(shape).flatten(1).clone() for end in (box.lower, box.upper))
    lower[:, units] = torch.where(sign > 0, 0.0, lower[:, units])
    upper[:, units] = torch.where(sign < 0, 0.0, upper[:, units])
    return Box(lower.view(shape), upper.view(shape))


def _constant(box: Box, added: torch.Tensor) -> torch.Tensor:
    """Minus the maximum (d,) of sum(added * units) in the domain; 0 for multipliers of 0 or more."""
    return box.minimum(-added)


def _dense(values: torch.Tensor, units: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Values (d, u) of some units as values (d, ...) of a layer, 0 elsewhere."""
    zeros = values.new_zeros(len(values), shape.numel())
    return zeros.index_copy(1, units, values).view(len(values), *shape)
