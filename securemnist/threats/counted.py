"""Threats whose eps counts pixels, which may then take any value."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Self

import torch

from securemnist.errors import UsageError
from securemnist.threats.base import Threat
from securemnist.types import Images

# A smaller change of a pixel is rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Counted(Threat):
    """A set of images that differ in a limited number of pixels; `eps` is a whole number.

    UsageError for a fraction, and for an eps out of range.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.eps != int(self.eps):
            raise UsageError(
                f"expected a whole number of pixels for {self.norm}, got {self.eps:g}; fix eps"
            )

    @property
    def count(self) -> int:
        return int(self.eps)

    def _changed(self, x: Images, x_adv: Images) -> torch.Tensor:
        """Boolean (n, H, W): the pixels that differ in a channel, by more than rounding."""
        return ((x_adv - x).abs() > _ROUNDING).any(1)

    def project(self, x: Images, x_adv: Images) -> Images:
        changed = x_adv.clamp(0, 1)
        size = (changed - x).square().sum(1)
        return torch.where(self.chosen(size)[:, None], changed, x)

    def step(self, x: Images, gradient: torch.Tensor, size: float) -> torch.Tensor:
        """The pixels with the largest gain become black or white; of `size` below eps, in part."""
        gradient = gradient.nan_to_num(0.0)
        end = torch.where(gradient == 0, x, (gradient > 0).to(x.dtype))
        gain = (gradient * (end - x)).sum(1)
        return size / max(self.eps, 1) * (end - x) * self.chosen(gain)[:, None]

    @abstractmethod
    def chosen(self, size: torch.Tensor) -> torch.Tensor:
        """Boolean (n, H, W): the allowed pixels with the largest sum of `size` (n, H, W), at least 0."""

    def random_start(self, x: Images, rng: torch.Generator) -> Images:
        values = torch.rand(x.shape, generator=rng).to(x.device)
        priority = torch.rand(x[:, 0].shape, generator=rng).to(x.device)
        return torch.where(self.chosen(priority)[:, None], values, x)

    def for_planting(self, x: Images) -> Self:
        largest = max(1, int(self.planted * self.span(x[0].numel())))
        return type(self)(min(self.eps, largest))

    def before_rounding(self, x: Images, step: float) -> Self:
        """The threat itself: rounding changes no further pixel."""
        return self
