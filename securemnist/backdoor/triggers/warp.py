"""A smooth, fixed displacement of all pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch.nn import functional

from securemnist._util.random_numbers import generator
from securemnist.backdoor.triggers.base import Trigger, check, check_seed, is_number, is_whole
from securemnist.types import Images

_MOST_POINTS, _MOST_STRENGTH = 16, 8.0


@final
@dataclass(frozen=True, kw_only=True)
class Warp(Trigger):
    """A displacement field that grows smoothly from `points` x `points` random vectors.

    `strength` is the mean of their absolute coordinates, in pixels of the longer side. `pattern` is
    their seed. Nguyen and Tran 2021, arXiv 2102.10369.
    """

    points: int = 4
    strength: float = 0.75
    pattern: int = 0
    kind: ClassVar[str] = "warp"

    def __post_init__(self) -> None:
        fits = is_whole(self.points) and 2 <= self.points <= _MOST_POINTS
        check(fits, "points", f"2 to {_MOST_POINTS}", self.points)
        in_range = is_number(self.strength) and 0 < self.strength <= _MOST_STRENGTH
        check(in_range, "strength", f"above 0, to {_MOST_STRENGTH:g} pixels", self.strength)
        check_seed(self.pattern)

    def check_fits(self, channels: int, height: int, width: int) -> None:
        """The field has the form of the images: it fits all of them."""

    def _apply(self, x: Images) -> Images:
        grid = self.grid(x.shape[2], x.shape[3]).to(x)
        return functional.grid_sample(
            x, grid.expand(len(x), -1, -1, -1), padding_mode="border", align_corners=True
        ).clamp_(0, 1)

    def grid(self, height: int, width: int) -> torch.Tensor:
        """Where each pixel is read, float64 (1, H, W, 2), as (x, y) from -1 to 1 over the image."""
        rng = generator(self.pattern, "warp")
        shape = 1, 2, self.points, self.points
        vectors = torch.rand(shape, generator=rng, dtype=torch.float64) * 2 - 1
        vectors *= self.strength / vectors.abs().mean()
        size = height, width
        field = functional.interpolate(vectors, size, mode="bicubic", align_corners=True)
        pixel = 2 / max(height - 1, width - 1, 1)
        rows, columns = (torch.linspace(-1, 1, side, dtype=torch.float64) for side in size)
        identity = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), dim=-1)
        return (identity + pixel * field[0].permute(1, 2, 0)).clamp(-1, 1)[None]
