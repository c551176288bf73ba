"""Random changes of Sparse-RS: of the changed pixels, or of a patch (arXiv 2006.12834)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import torch

from securemnist.threats import Threat
from securemnist.threats.patch import rectangles
from securemnist.types import Images, per_image

if TYPE_CHECKING:
    from securemnist.attacks.sparse_rs import SparseRS

_Corner = tuple[torch.Tensor, torch.Tensor]
# Queries, of 10,000, after which the share of exchanged pixels, or of new colours in a patch, is divided
# by these numbers instead of 1.
_AFTER = (0, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
_PIXELS = (2, 4, 5, 6, 8, 10, 12, 15, 20)
_PATCH_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
# Share of the queries that try black and white patches where no gradient says how to begin.
_FIRST = 0.25
# Every so many steps a patch moves instead.
_MOVES = 5


class SparseSampler(ABC):
    """Changes of images in the form `shape` (n, C, H, W); `draws`: random numbers of one change."""

    draws: int

    def __init__(self, threat: Threat, shape: Sequence[int], attack: SparseRS) -> None:
        self.threat, self.start, self.queries = threat, attack.start, attack.queries
        self.channels, self.height, self.width = shape[1:]

    @abstractmethod
    def change(self, clean: Images, best: Images, age: torch.Tensor, draws: torch.Tensor) -> Images:
        """`best` (n, C, H, W) changed at step `age` int64 (n,), from `draws` (n, self.draws)."""

    def first(self, clean: Images, age: torch.Tensor) -> tuple[Images, torch.Tensor]:
        """Images to try at step `age` before any change, and boolean (n,): whether there is one."""
        return clean, torch.zeros_like(age, dtype=torch.bool)

    def _passed(self, age: torch.Tensor, marks: Sequence[int]) -> torch.Tensor:
        """Number (n,) of marks of the schedule, of 10,000 queries, that the step has passed."""
        scaled = age * 10_000 // self.queries
        return (scaled[:, None] > torch.tensor(marks, device=age.device)).sum(1)


@final
class PixelSampler(SparseSampler):
    """A share of the changed pixels returns to the image; as many others get new colours."""

    def __init__(self, threat: Threat, shape: Sequence[int], attack: SparseRS) -> None:
        super().__init__(threat, shape, attack)
        self.pixels = self.height * self.width
        self.most = min(int(threat.eps), self.pixels)
        self.draws = (1 + self.channels) * self.pixels

    def change(self, clean: Images, best: Images, age: torch.Tensor, draws: torch.Tensor) -> Images:
        divisors = torch.tensor((1, *_PIXELS), device=age.device)[self._passed(age, _AFTER)]
        count = (self.start * self.most / divisors).long().clamp_min(1)[:, None]
        changed = (best != clean).any(1).flatten(1)
        order = draws[:, : self.pixels]
        # Ranks from 0: of the changed pixels in random order, and of the others.
        leaves = changed & (_rank(order.masked_fill(~changed, 2.0)) < count)
        stay = (changed & ~leaves).sum(1, keepdim=True)
        enter = ~changed & (
            _rank(order.masked_fill(changed, 2.0)) < (self.most - stay).clamp_max(count)
        )
        colours = draws[:, self.pixels :].view_as(clean).round()
        shape = (len(best), 1, self.height, self.width)
        moved = torch.where(leaves.view(shape), clean, best)
        return torch.where(enter.view(shape), colours, moved)


def _rank(values: torch.Tensor) -> torch.Tensor:
    """Rank of each value in its row, from 0 for the smallest; int64 (n, values)."""
    return values.argsort(1).argsort(1)


@final
class PatchSampler(SparseSampler):
    """A square of new colours in the patch; every fifth step the patch moves with its content.

    The patch of `best` is the smallest one that holds its changes, placed inside the image.
    """

    def __init__(self, threat: Threat, shape: Sequence[int], attack: SparseRS) -> None:
        super().__init__(threat, shape, attack)
        self.down, self.across = min(int(threat.eps), self.height), min(int(threat.eps), self.width)
        self.rows, self.columns = self.height - self.down + 1, self.width - self.across + 1
        self.draws = 4 + self.channels
        # As many places each way as the queries allow, in black and in white.
        most = max(1, int((_FIRST * self.queries / 2) ** 0.5))
        self.grid = min(most, self.rows), min(most, self.columns)

    def first(self, clean: Images, age: torch.Tensor) -> tuple[Images, torch.Tensor]:
        """Black and white patches on a grid, after the start and before all changes."""
        count, number = self.grid[0] * self.grid[1], age - 1
        place = (number // 2).clamp(0, count - 1)
        ends = zip(
            (place // self.grid[1], place % self.grid[1]),
            self.grid,
            (self.rows, self.columns),
            strict=True,
        )
        corner = [
            ((at + 0.5) * places / steps).long() if steps < places else at
            for at, steps, places in ends
        ]
        size = (self.down, self.across)
        inside = rectangles((corner[0], corner[1]), size, (self.height, self.width))[:, None]
        colour = per_image(number % 2).to(clean.dtype)
        return torch.where(inside, colour, clean), (number >= 0) & (number < 2 * count)

    def change(self, clean: Images, best: Images, age: torch.Tensor, draws: torch.Tensor) -> Images:
        place = self._place(clean, best)
        moved = self._moved(clean, best, place, age, draws)
        coloured = self._coloured(best, place, age, draws)
        return torch.where(per_image(age % _MOVES == 0), moved, coloured)

    def _place(self, clean: Images, best: Images) -> _Corner:
        """Upper row and left column, int64 (n,), of a patch that holds all changes."""
        changed = (best != clean).any(1)
        top, left = (changed.any(axis).float().argmax(1) for axis in (2, 1))
        return top.clamp_max(self.rows - 1), left.clamp_max(self.columns - 1)

    def _moved(
        self, clean: Images, best: Images, place: _Corner, age: torch.Tensor, draws: torch.Tensor
    ) -> Images:
        """The patch at a random other place, the nearer the longer the search has taken."""
        left_over = 1 - age / self.queries
        shifts = []
        for at, most, draw in zip(place, (self.rows, self.columns), draws[:, :2].T, strict=True):
            reach = (left_over * most / 2).clamp_min(1)
            shifts.append(((at + (2 * draw - 1) * reach).round().long().clamp(0, most - 1)) - at)
        down, right = shifts
        rows = (torch.arange(self.height, device=age.device) - down[:, None]) % self.height
        columns = (torch.arange(self.width, device=age.device) - right[:, None]) % self.width
        index = torch.arange(len(best), device=age.device)[:, None, None]
        source = best.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]]
        corner, size = (place[0] + down, place[1] + right), (self.down, self.across)
        inside = rectangles(corner, size, (self.height, self.width))[:, None]
        return torch.where(inside, source.permute(0, 3, 1, 2), clean)

    def _coloured(
        self, best: Images, place: _Corner, age: torch.Tensor, draws: torch.Tensor
    ) -> Images:
        """A random square within the patch in one random colour."""
        share = self.start * 0.5 ** self._passed(age, _PATCH_AFTER)
        corner, sizes = [], []
        for at, side, draw in zip(place, (self.down, self.across), draws[:, 2:4].T, strict=True):
            size = (share.sqrt() * side).round().clamp(1, side).long()
            corner.append(at + (draw * (side - size + 1)).long())
            sizes.append(size)
        colour = draws[:, 4:].round()[:, :, None, None]
        inside = rectangles((corner[0], corner[1]), (sizes[0], sizes[1]), (self.height, self.width))
        return torch.where(inside[:, None], colour, best)


SAMPLERS: dict[str, type[SparseSampler]] = {"pixels": PixelSampler, "square": PatchSampler}
