"""What Square tries: random changes of a square of pixels, of the kind that a threat names.

Both kinds follow Andriushchenko et al. 2020 (arXiv 1912.00049, sections 3.2 and 3.3). Random numbers
are handed in, uniform in [0, 1).
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from typing import ClassVar, final

import torch

from securemnist.threats import Threat
from securemnist.types import SHAPE, Images

SIDE = SHAPE[1]
_TILES = 5


class Proposal(ABC):
    """`draws`: random numbers that one change takes."""

    draws: ClassVar[int]

    def __init__(self, threat: Threat) -> None:
        self.threat = threat

    @abstractmethod
    def begin(self, clean: Images, draws: torch.Tensor) -> Images:
        """The first image of each digit, of `draws` (n, 28)."""

    @abstractmethod
    def change(
        self, clean: Images, point: Images, share: torch.Tensor, draws: torch.Tensor
    ) -> Images:
        """`point` with a square of `share` (n,) of the pixels changed, of `draws` (n, self.draws)."""


@final
class Flips(Proposal):
    """Vertical stripes of +-eps, then squares of +eps or -eps, projected onto the threat (for L-inf)."""

    draws: ClassVar[int] = 3

    def begin(self, clean: Images, draws: torch.Tensor) -> Images:
        return self.threat.project(clean, clean + self.threat.eps * _signs(draws)[:, None, None, :])

    def change(
        self, clean: Images, point: Images, share: torch.Tensor, draws: torch.Tensor
    ) -> Images:
        size = (share.sqrt() * SIDE).round().clamp_min(1)
        moved = clean + self.threat.eps * _signs(draws[:, 2]).view(-1, 1, 1, 1)
        inside = _window(size, *_corner(size, draws[:, 0], draws[:, 1]))
        return self.threat.project(clean, torch.where(inside, moved, point))


@final
class Moves(Proposal):
    """L2: tiles of two opposite bumps, then squares that gain what another square gives up.

    The gaining square keeps its own direction and gets a new pair of bumps on top; its length is what
    both squares had, and what of the budget was unused.
    """

    draws: ClassVar[int] = 6

    def begin(self, clean: Images, draws: torch.Tensor) -> Images:
        size = SIDE // _TILES
        signs = _signs(draws[:, : _TILES * _TILES]).view(-1, 1, _TILES, _TILES)
        tile = _bumps(clean.device)[size, :size, :size]
        tiles = torch.kron(signs, tile)
        tiles = torch.where((draws[:, -1] < 0.5).view(-1, 1, 1, 1), tiles, tiles.transpose(2, 3))
        edge = SIDE - size * _TILES
        return self._full(clean, torch.nn.functional.pad(tiles, (edge // 2, edge - edge // 2) * 2))

    def change(
        self, clean: Images, point: Images, share: torch.Tensor, draws: torch.Tensor
    ) -> Images:
        size = (share.sqrt() * SIDE).round().clamp(3, SIDE - 1)
        size = size + (size % 2 == 0)  # odd, so that bumps have a middle
        row, column = _corner(size, draws[:, 0], draws[:, 1])
        gains = _window(size, row, column)
        gives = _window(size, *_corner(size, draws[:, 2], draws[:, 3]))
        delta = point - clean
        had = _length(delta * (gains | gives))
        unused = (self.threat.eps**2 - _length(delta) ** 2).clamp_min(0)
        bumps = _placed(size, row, column, draws[:, 5])
        mixed = bumps * _signs(draws[:, 4]).view(-1, 1, 1, 1) + delta * gains / _length(
            delta * gains
        )
        gained = mixed / _length(mixed) * (unused + had**2).sqrt()
        return self._full(clean, torch.where(gains, gained, delta.masked_fill(gives, 0.0)))

    def _full(self, clean: Images, delta: torch.Tensor) -> Images:
        """The image as far in this direction as the budget goes."""
        return self.threat.project(clean, clean + self.threat.eps * delta / _length(delta))


def _signs(draws: torch.Tensor) -> torch.Tensor:
    return torch.where(draws < 0.5, -1.0, 1.0)


def _length(delta: torch.Tensor) -> torch.Tensor:
    """Euclidean, one number an image (n, 1, 1, 1), never 0."""
    length: torch.Tensor = delta.flatten(1).norm(dim=1).clamp_min(1e-10)
    return length.view(-1, 1, 1, 1)


def _corner(
    size: torch.Tensor, row: torch.Tensor, column: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The upper left pixel of a square that lies in the image, for draws in [0, 1)."""
    free = SIDE - size + 1
    return (row * free).floor(), (column * free).floor()


def _window(size: torch.Tensor, row: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
    """Boolean (n, 1, 28, 28): the pixels of each square."""
    side = torch.arange(SIDE, device=size.device)
    top, left, edge = (numbers.view(-1, 1) for numbers in (row, column, size))
    rows = (side >= top) & (side < top + edge)
    columns = (side >= left) & (side < left + edge)
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def _placed(
    size: torch.Tensor, row: torch.Tensor, column: torch.Tensor, flip: torch.Tensor
) -> torch.Tensor:
    """A pair of bumps in each square, side by side or one above the other; (n, 1, 28, 28)."""
    side = torch.arange(SIDE, device=size.device)
    # Outside the square these places lie in the empty part of the table.
    down = ((side - row[:, None]).long() % SIDE)[:, :, None]
    right = ((side - column[:, None]).long() % SIDE)[:, None, :]
    flipped = (flip < 0.5).view(-1, 1, 1)
    first, second = torch.where(flipped, right, down), torch.where(flipped, down, right)
    return _bumps(size.device)[size.long().view(-1, 1, 1), first, second][:, None]


@functools.cache
def _bumps(device: torch.device) -> torch.Tensor:
    """For each size s a pair of opposite bumps of length 1 in [s, :s, :s], else 0; (28, 28, 28)."""
    table = torch.zeros(SIDE, SIDE, SIDE)
    for size in range(2, SIDE):
        pair = torch.cat([_bump(size // 2, size), -_bump(size - size // 2, size)])
        table[size, :size, :size] = pair / pair.norm()
    return table.to(device)


def _bump(height: int, width: int) -> torch.Tensor:
    """Highest in the middle, falling with the rings around it; of length 1, (height, width)."""
    rows = (torch.arange(height) - height // 2).abs()
    columns = (torch.arange(width) - width // 2).abs()
    ring = torch.maximum(rows[:, None], columns[None, :])
    layers = 1.0 / torch.arange(1, int(ring.max()) + 2) ** 2
    bump: torch.Tensor = layers.flip(0).cumsum(0).flip(0)[ring]
    length: torch.Tensor = bump.norm()
    return bump / length


PROPOSALS: dict[str, type[Proposal]] = {"flips": Flips, "moves": Moves}
