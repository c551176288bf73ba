"""The front of a network: first steps that read single pixels, such as a clamp or a rounding of pixels.

The box of an image in front of them is a box behind them. So branch and bound works on the other steps
alone, which may be a network of ReLUs even where the whole network is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from securemnist.certificates.graph.network import Network
from securemnist.certificates.operations.intervals import Box
from securemnist.certificates.operations.rules import Rearrange, Shape
from securemnist.types import Images


@dataclass(frozen=True)
class Front:
    """The `first` steps of a network, and the others, which read their output alone.

    The last of the first steps is not linear: linear ones lose nothing in the other steps.
    """

    first: Network
    rest: Network

    @property
    def shape(self) -> Shape:
        """The shape of one sample behind the front; empty where there is none."""
        return self.first.steps[-1].shape if self.first.steps else ()

    def box(self, image: Box) -> Box:
        """The values (1, ...) behind the front, with its rounding errors, of a ball (1, C, H, W)."""
        return self.first.intervals(image).boxes[-1]

    def images(self, image: Box, values: torch.Tensor) -> Images:
        """Images (s, C, H, W) of a ball whose values behind the front are near `values` (s, ...).

        Between the ends of a pixel's interval the front is taken for linear. So they are starts of an
        attack, no more.
        """
        if not self.first.steps:
            return values
        lower, upper = (self.box(Box(end, end)).centre for end in (image.lower, image.upper))
        spread = upper - lower
        part = torch.where(spread == 0, 0.5, (values - lower) / spread)
        found = image.lower + part.clamp(0, 1).view(-1, *image.lower.shape[1:]) * 2 * image.radius
        return found.to(values.dtype)


def split(network: Network, shape: Shape) -> Front:
    """The front of a network: as many first steps as possible that neither mix, move nor copy pixels.

    `shape`: that of one image.
    """
    count = 0
    for number, step in enumerate(network.steps, 1):
        moves = step.rule.mixes or isinstance(step.rule, Rearrange)
        if moves or step.shape != shape or step.inputs != (number - 1,):
            break
        if not step.rule.exact and not _read_later(network, number):
            count = number
    rest = [
        replace(step, inputs=tuple(source - count for source in step.inputs))
        for step in network.steps[count:]
    ]
    return Front(replace(network, steps=network.steps[:count]), replace(network, steps=tuple(rest)))


def undivided(network: Network) -> Front:
    """An empty front: behind a step that is not linear, a ball that is no box has no simple form."""
    return Front(replace(network, steps=()), network)


def _read_later(network: Network, number: int) -> bool:
    """Whether a step after this one reads an output before it."""
    return any(source < number for step in network.steps[number:] for source in step.inputs)
