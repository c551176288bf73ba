"""What bounds the undecided units of one sample, all layers in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from securemnist.certificates.graph.network import Intervals
from securemnist.certificates.relaxations.layers import Layer


@dataclass(frozen=True)
class UnitBounds:
    """What bounds the undecided (leaky) ReLUs, all (units, 1): see `Lines`.

    `slope`: that of values below 0. Lower lines have slopes from `least` to `most`.
    """

    slope: torch.Tensor
    least: torch.Tensor
    most: torch.Tensor
    chord: torch.Tensor
    intercept: torch.Tensor
    lower: torch.Tensor
    upper: torch.Tensor

    @classmethod
    def of(cls, intervals: Intervals, layers: Sequence[Layer]) -> UnitBounds:
        """The bounds of all units of layers with one ReLU each, float32 if the intervals are."""
        units = [intervals.boxes[0].lower.new_zeros(7, 0)]
        for layer in layers:
            ((_, rule),) = layer.relus.items()
            box = intervals.boxes[layer.source]
            lines = rule.lines(box)
            slope = rule.slope.to(box.lower).expand_as(box.lower)
            least, most = (torch.where(lines.crosses, end, lines.linear) for end in (slope, 1.0))
            parts = (slope, least, most, lines.chord, lines.intercept, box.lower, box.upper)
            units.append(torch.stack([part.flatten()[layer.units] for part in parts]))
        return cls(*torch.cat(units, 1)[:, :, None])
