"""Linf: each pixel changes by at most eps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.threats.base import Threat
from securemnist.types import Images

# Of a step: k / 255 * 255 is not always k, and the referee's own tolerance is larger than this.
TOLERANCE = 1e-4


@final
@dataclass(frozen=True)
class Linf(Threat):
    """L-infinity: every pixel may change by at most eps."""

    norm: ClassVar[str] = "linf"
    planted: ClassVar[float] = 0.4
    art: ClassVar[float] = math.inf

    @staticmethod
    def span(size: int) -> float:  # noqa: ARG004
        return 1.0

    @property
    def certifiable(self) -> bool:
        return True

    def project(self, x: Images, x_adv: Images) -> Images:
        return torch.clamp(x_adv, (x - self.eps).clamp_min_(0), (x + self.eps).clamp_max_(1))

    def random_start(self, x: Images, rng: torch.Generator) -> Images:
        noise = torch.rand(x.shape, generator=rng).to(x.device).mul_(2).sub_(1)
        return self.project(x, x + self.eps * noise)

    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        return gradient.sign()

    def distance(self, x: Images, x_adv: Images) -> torch.Tensor:
        return (x_adv - x).abs().flatten(1).amax(1)

    def before_rounding(self, x: Images, step: float) -> Threat:
        """The largest whole number of steps."""
        return Linf(int(self.eps / step + TOLERANCE) * step)

    def _rates(self, weights: torch.Tensor) -> torch.Tensor:
        return weights.new_ones(())
