"""Patch: all changes lie in one square of a given side, anywhere in the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, final

import torch
from torch.nn.functional import avg_pool2d

from securemnist.threats.counted import Counted
from securemnist.types import Images

_LARGEST = 1024


@final
@dataclass(frozen=True, init=False)
class Patch(Counted):
    """Patch: a square of `side` pixels at any place of the image, filled with any values.

    In a policy the side is `eps`. `Patch(side=5)` has 576 places on images of 28x28.
    """

    norm: ClassVar[str] = "patch"
    planted: ClassVar[float] = 5 / 28
    art: ClassVar[float] = 0
    form: ClassVar[Literal["ball", "pixels", "square"]] = "square"

    def __init__(self, side: float) -> None:
        object.__setattr__(self, "eps", side)
        self.__post_init__()

    @staticmethod
    def span(size: int) -> float:
        return float(int(size**0.5))

    @property
    def certifiable(self) -> bool:
        return self.count > 0

    def at_grey(self, x: Images) -> Patch:
        return Patch(min(max(x.shape[2:]), _LARGEST))

    def chosen(self, size: torch.Tensor) -> torch.Tensor:
        place = self.gains(size).flatten(1).argmax(1) if len(size) else size.new_zeros(0).long()
        return self.squares(place, size.shape[1], size.shape[2])

    def gains(self, size: torch.Tensor) -> torch.Tensor:
        """The mean of `size` (n, H, W) in the square at each place, (n, rows, columns)."""
        height, width = self._sides(*size.shape[1:])
        if not self.count:
            return torch.zeros_like(size)
        return avg_pool2d(size[:, None], (height, width), stride=1)[:, 0]

    def squares(self, place: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """Boolean (n, height, width): the squares at places int64 (n,), counted row by row."""
        down, right = self._sides(height, width)
        columns = width - right + 1
        corner = place // columns, place % columns
        return rectangles(corner, (down, right), (height, width))

    def _sides(self, height: int, width: int) -> tuple[int, int]:
        return min(self.count, height), min(self.count, width)

    def steepest(self, gradient: torch.Tensor) -> torch.Tensor:
        """A step of every value by 1; `project` then chooses the place."""
        return gradient.nan_to_num(0.0).sign()

    def step(self, x: Images, gradient: torch.Tensor, size: float) -> torch.Tensor:
        """Of the whole eps the place with the largest gain; else a part of the range everywhere."""
        if size >= self.eps:
            return super().step(x, gradient, self.eps)
        return size / self.eps * self.steepest(gradient)

    def distance(self, x: Images, x_adv: Images) -> torch.Tensor:
        changed = self._changed(x, x_adv)
        return torch.maximum(_extent(changed.any(2)), _extent(changed.any(1))).to(x.dtype)


def rectangles(
    corner: tuple[torch.Tensor, torch.Tensor],
    size: tuple[torch.Tensor | int, torch.Tensor | int],
    sides: tuple[int, int],
) -> torch.Tensor:
    """Boolean (n, *sides): the pixels of rectangles with this upper left corner (n,) and size."""
    inside = []
    for first, length, side in zip(corner, size, sides, strict=True):
        places = torch.arange(side, device=first.device)
        inside.append((places >= first[:, None]) & (places < (first + length)[:, None]))
    return inside[0][:, :, None] & inside[1][:, None, :]


def _extent(lines: torch.Tensor) -> torch.Tensor:
    """Number of lines from the first to the last true one of boolean (n, lines), int64 (n,)."""
    place = torch.arange(1, lines.shape[1] + 1, device=lines.device) * lines
    last = place.amax(1)
    first = place.masked_fill(~lines, lines.shape[1] + 1).amin(1)
    return torch.where(lines.any(1), last - first + 1, 0)
