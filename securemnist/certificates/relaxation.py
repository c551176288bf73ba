"""The linear relaxation of one sample's network, in domains: the signs of some units are fixed.

A domain fixes units (inputs of a ReLU) to be at least 0 (+1) or at most 0 (-1); there the ReLU is
linear. Together the domains of a split hold every image of the ball. The constraints enter the bound
with multipliers (beta-CROWN, Wang et al. 2021, arXiv 2103.06624), the other undecided units with
slopes of their lower bounds (alpha-CROWN, Xu et al. 2021, arXiv 2011.13824). Any multiplier of 0 or
more and any slope from 0 to 1 is sound; `duals` holds both, one number a unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from securemnist.certificates.activations import LeakyReLU, Lines
from securemnist.certificates.crown import EVERY_SAMPLE, Choice, lower_bounds
from securemnist.certificates.intervals import Box
from securemnist.certificates.network import Intervals, Network


def layers_before_relus(network: Network) -> list[int]:
    """The indices of the steps that a (leaky) ReLU reads, in order; 0 is the image."""
    relus = [step for step in network.steps if isinstance(step.rule, LeakyReLU)]
    return sorted({step.inputs[0] for step in relus})


def undecided(box: Box) -> torch.Tensor:
    """The flat indices of the units of one sample whose sign the box (1, ...) leaves open."""
    return ((box.lower < 0) & (box.upper > 0)).flatten().nonzero().squeeze(1)


@dataclass(frozen=True)
class Layer:
    """The undecided units of one layer: the step that computes them, and the ReLUs that read it.

    `units`: flat indices of the units, `columns`: their places in signs and duals.
    """

    source: int
    relus: tuple[int, ...]
    units: torch.Tensor
    columns: slice


class Relaxation:
    """The relaxation of one sample. `intervals` are bounds of this sample alone, in float64."""

    def __init__(self, network: Network, intervals: Intervals, before: int | None = None) -> None:
        """The undecided units of all layers, or of those before the step `before`."""
        self.network, self.intervals = network, intervals
        self.layers: list[Layer] = []
        self.units = 0
        for source in layers_before_relus(network):
            if before is not None and source >= before:
                break
            units = undecided(intervals.boxes[source])
            relus = tuple(
                index
                for index, step in enumerate(network.steps, 1)
                if isinstance(step.rule, LeakyReLU) and step.inputs[0] == source
            )
            columns = slice(self.units, self.units + len(units))
            self.layers.append(Layer(source, relus, units, columns))
            self.units += len(units)
        self._fast = intervals.estimates()

    def first_duals(self) -> torch.Tensor:
        """The slopes (1, units) of CROWN, float32: those that leave the smaller area."""
        boxes = self._fast.boxes
        slopes = [
            (boxes[layer.source].upper > -boxes[layer.source].lower).flatten()[layer.units].float()
            for layer in self.layers
        ]
        none = torch.zeros(0, device=boxes[0].lower.device)
        return torch.cat([*slopes, none])[None]

    def domains(self, signs: torch.Tensor, *, exact: bool) -> Domains:
        """Domains by signs (d, units): -1, 0 or 1. With `exact` their bounds are certificates.

        Without, they are float32 and for searches alone.
        """
        intervals = self.intervals if exact else self._fast
        boxes = list(intervals.boxes)
        for layer in self.layers:
            sign = signs[:, layer.columns]
            if bool(sign.any()):
                boxes[layer.source] = _split(boxes[layer.source], layer.units, sign)
        lines = {
            relu: rule.lines(boxes[layer.source])
            for layer in self.layers
            for relu in layer.relus
            if isinstance(rule := self.network.steps[relu - 1].rule, LeakyReLU)
        }
        return Domains(self, Intervals(boxes, intervals.errors), lines, signs)


@dataclass(frozen=True)
class Domains:
    """Several domains of one sample: `intervals` are their bounds, (1, ...) or (d, ...)."""

    relaxation: Relaxation
    intervals: Intervals
    lines: Mapping[int, Lines]
    signs: torch.Tensor

    def shape(self, layer: Layer) -> torch.Size:
        """The shape of one sample's values of this layer."""
        return self.intervals.boxes[layer.source].lower.shape[1:]

    def lower_bounds(
        self,
        duals: torch.Tensor,
        weights: torch.Tensor,
        *,
        step: int | None = None,
        choice: Choice | None = None,
    ) -> torch.Tensor:
        """Lower bounds (d,) of sum(weights * logits) in each domain: `weights` (d, K).

        `duals` (d, units); a multiplier below 0 counts as 0. With `step`, `weights` (d, ...) are those of
        its outputs. `choice` receives the weights of each step.
        """
        choice = replace(choice or Choice(), lines=self.lines)
        for layer in self.relaxation.layers:
            sign, dual = self.signs[:, layer.columns], duals[:, layer.columns]
            slope = _dense(dual, layer.units, self.shape(layer))
            choice.slopes.update(dict.fromkeys(layer.relus, slope))
            if bool(sign.any()):
                added = _dense(_added(sign, dual), layer.units, self.shape(layer))
                before = choice.added.get(layer.source)
                choice.added[layer.source] = added if before is None else before + added
        return lower_bounds(
            self.relaxation.network,
            self.intervals,
            EVERY_SAMPLE,
            weights,
            to_image=True,
            step=step,
            choice=choice,
        )


def _split(box: Box, units: torch.Tensor, sign: torch.Tensor) -> Box:
    """The boxes (d, ...) of domains from that of the sample (1, ...)."""
    shape = (len(sign), *box.lower.shape[1:])
    lower, upper = (end.expand(shape).flatten(1).clone() for end in (box.lower, box.upper))
    lower[:, units] = torch.where(sign > 0, 0.0, lower[:, units])
    upper[:, units] = torch.where(sign < 0, 0.0, upper[:, units])
    return Box(lower.view(shape), upper.view(shape))


def _added(sign: torch.Tensor, dual: torch.Tensor) -> torch.Tensor:
    """Factors (d, u) of units, whose product is at most 0 in the domain; 0 for undecided units."""
    return -sign * dual.clamp_min(0)


def _dense(values: torch.Tensor, units: torch.Tensor, shape: torch.Size) -> torch.Tensor:
    """Values (d, u) of some units as values (d, ...) of a layer, 0 elsewhere."""
    zeros = values.new_zeros(len(values), shape.numel())
    return zeros.index_copy(1, units, values).view(len(values), *shape)
