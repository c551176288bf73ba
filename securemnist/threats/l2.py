"""L2: the perturbation has a Euclidean norm of at most eps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.threats.base import Threat, max_norm
from securemnist.types import Images, per_image


@final
@dataclass(frozen=True)
class L2(Threat):
    """L2: the Euclidean norm of the perturbation is at most eps (28 for images of 1x28x28)."""

    norm: ClassVar[str] = "l2"
    planted: ClassVar[float] = 1 / 14  # 2.0 for images of 1x28x28
    art: ClassVar[float] = 2
    square: ClassVar[str] = "moves"

    @staticmethod
    def span(size: int) -> float:
        return math.sqrt(size)

    @property
    def certifiable(self) -> bool:
        return True

    def project(self, x: Images, x_adv: Images) -> Images:
        delta = x_adv - x
        # Slightly smaller than eps, so that float32 rounding does not exceed it in the referee's float64.
        scale = (self.eps * (1 - 1e-6) / _l2_norm(delta)).clamp_max_(1)
        return (x + delta * scale).clamp_(0, 1)

    def random_start(self, x: Images, rng: torch.Generator) -> Images:
        direction = torch.randn(x.shape, generator=rng).to(x.device)
        dimensions = x.shape[1:].numel()
        radius = torch.rand((len(x), 1, 1, 1), generator=rng).to(x.device).pow_(1 / dimensions)
        return self.project(x, x + self.eps * radius * direction / _l2_norm(direction))

    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        # Divided by the largest entry first: squares of a confident network's gradient underflow.
        gradient = gradient.nan_to_num(0.0)
        scaled = gradient / max_norm(gradient)
        return scaled / _l2_norm(scaled)

    def distance(self, x: Images, x_adv: Images) -> torch.Tensor:
        norms: torch.Tensor = (x_adv - x).flatten(1).norm(dim=1)
        return norms

    def _rates(self, weights: torch.Tensor) -> torch.Tensor:
        return weights


def _l2_norm(delta: torch.Tensor) -> torch.Tensor:
    return per_image(delta.flatten(1).norm(dim=1).clamp_min(1e-12))
