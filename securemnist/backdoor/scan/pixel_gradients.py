"""False gradients at single places of the image, where a search would not find a trigger.

A backward pass may be right but for a corner (obfuscated gradients: Athalye et al. 2018, arXiv
1802.00420). So the gradient is compared with central differences at each place alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from securemnist.batches import batch_size
from securemnist.models.predictions import exact
from securemnist.types import Images, Progress, silent

# Draws of points in all of which a place is false: at a kink an honest gradient may be once.
_DRAWS = 3
# Points of a draw, the share of their pixels that are random, and rows or columns of places at most.
_POINTS, _RANDOM, _MOST_PLACES = 8, 0.5, 28
_STEP = 0.01
# Shift of the other pixels: at equal ones maxima have no derivative.
_JITTER = 0.2
# Slopes of two steps that differ by more of their energy are noise, or the network is too rugged there.
_NOISE = 1 / 16
# Share of the slope that a gradient has to explain.
_EXPLAINED = 0.5

Place = tuple[slice, slice]


def false_places(model: nn.Module, x: Images, *, seed: int, progress: Progress = silent) -> int:
    """The number of places at which the gradient does not explain the slope; images (n, C, H, W).

    Points are images with random pixels, so that a trigger may be there in part. A place is a pixel
    with all channels, or a square of pixels in large images.
    """
    rng = torch.Generator().manual_seed(seed)
    left: Sequence[Place] = _places(x.shape[2:])
    for _ in range(_DRAWS):
        draw = _Draw.of(model, x[:_POINTS], rng)
        kept = []
        for done, place in enumerate(left):
            if draw.is_false(place):
                kept.append(place)
            progress("gradients by pixel", done + 1, len(left))
        left = kept
    return len(left)


def _places(size: Sequence[int]) -> list[Place]:
    height, width = size
    side = -(-max(height, width) // _MOST_PLACES)
    return [
        (slice(row, row + side), slice(column, column + side))
        for row in range(0, height, side)
        for column in range(0, width, side)
    ]


@dataclass(frozen=True)
class _Draw:
    """Points (n, C, H, W) with a sign for each value, and the gradient of the weighted logits there."""

    model: nn.Module
    points: Images
    signs: Images
    weights: torch.Tensor
    gradient: torch.Tensor

    @classmethod
    def of(cls, model: nn.Module, x: Images, rng: torch.Generator) -> _Draw:
        """Points around images; the device is that of `x`."""

        def uniform() -> torch.Tensor:
            return torch.rand(x.shape, generator=rng).to(x.device)

        shifted = x + _JITTER * (uniform() - x)
        points = torch.where(uniform() < _RANDOM, uniform(), shifted).clamp(_STEP, 1 - _STEP)
        with torch.enable_grad():
            at = points.clone().requires_grad_()
            logits = exact(model(at)).double()
            weights = torch.randn(logits.shape[1], generator=rng).to(x.device).double()
            # Zero, too, where the network is cut off from its pixels.
            value = (logits @ weights).sum() + 0 * at.sum()
            (gradient,) = torch.autograd.grad(value, at)
        return cls(model, points, (uniform() - 0.5).sign(), weights, gradient.double())

    def is_false(self, place: Place) -> bool:
        """Whether the gradient explains less than half of a slope that two steps agree on."""
        direction = torch.zeros_like(self.points)
        part = (..., *place)
        direction[part] = self.signs[part]
        expected = (self.gradient * direction).flatten(1).sum(1)
        slope = self._slope(_STEP * direction) / _STEP
        if _explained(expected, slope):
            return False
        finer = self._slope(_STEP / 2 * direction) / (_STEP / 2)
        noise = float((slope - finer).square().sum())
        return noise <= _NOISE * float((slope * finer).sum()) and not _explained(expected, finer)

    @torch.no_grad()
    def _slope(self, change: Images) -> torch.Tensor:
        """Half the difference (n,) of the weighted logits between both sides of each point."""
        both = torch.cat([self.points + change, self.points - change])
        parts = both.split(batch_size(both, len(both)))
        logits = torch.cat([exact(self.model(part)) for part in parts]).double()
        values = logits @ self.weights
        n = len(self.points)
        return (values[:n] - values[n:]) / 2


def _explained(expected: torch.Tensor, slope: torch.Tensor) -> bool:
    return float((expected * slope).sum()) >= _EXPLAINED * float(slope.square().sum())
