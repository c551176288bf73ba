"""Random changes of Square Attack, one sampler per kind of changes that a threat names.

Andriushchenko et al. 2020 (arXiv 1912.00049), sections 3.2 and 3.3. Random numbers are arguments,
uniform in [0, 1).
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from typing import ClassVar, final

import torch

from securemnist.threats import Threat
from securemnist.types import SHAPE, Images, per_image

SIDE = SHAPE[1]
# Tiles per row and column of the initial L2 pattern.
_TILES = 5


class Sampler(ABC):
    """`draws` is the number of random numbers that one change takes."""

    draws: ClassVar[int]

    def __init__(self, threat: Threat) -> None:
        self.threat = threat

    @abstractmethod
    def initial(self, clean: Images, draws: torch.Tensor) -> Images:
        """The first candidate of each image, from `draws` (n, 28)."""

    @abstractmethod
    def change(
        self, clean: Images, best: Images, fraction: torch.Tensor, draws: torch.Tensor
    ) -> Images:
        """`best` with a square of `fraction` (n,) of its pixels changed, from `draws` (n, self.draws)."""


@final
class LinfSampler(Sampler):
    """Vertical stripes of +-eps, then squares of +eps or -eps, projected onto the threat."""

    draws: ClassVar[int] = 3

    def initial(self, clean: Images, draws: torch.Tensor) -> Images:
        return self.threat.project(clean, clean + self.threat.eps * _signs(draws)[:, None, None, :])

    def change(
        self, clean: Images, best: Images, fraction: torch.Tensor, draws: torch.Tensor
    ) -> Images:
        size = (fraction.sqrt() * SIDE).round().clamp_min(1)
        moved = clean + self.threat.eps * per_image(_signs(draws[:, 2]))
        inside = _square_mask(size, *_corner(size, draws[:, 0], draws[:, 1]))
        return self.threat.project(clean, torch.where(inside, moved, best))


@final
class L2Sampler(Sampler):
    """Tiles of two opposite bumps, then squares that receive the perturbation of another square.

    The receiving square keeps its direction and gets a new pair of bumps added. Its norm comes from
    the perturbation of both squares and the unused part of the budget; the donor square becomes 0.
    """

    draws: ClassVar[int] = 6

    def initial(self, clean: Images, draws: torch.Tensor) -> Images:
        size = SIDE // _TILES
        signs = _signs(draws[:, : _TILES * _TILES]).view(-1, 1, _TILES, _TILES)
        tile = _bumps(clean.device)[size, :size, :size]
        tiles = torch.kron(signs, tile)
        tiles = torch.where(per_image(draws[:, -1] < 0.5), tiles, tiles.transpose(2, 3))
        edge = SIDE - size * _TILES
        padding = (edge // 2, edge - edge // 2) * 2
        return self._scaled(clean, torch.nn.functional.pad(tiles, padding))

    def change(
        self, clean: Images, best: Images, fraction: torch.Tensor, draws: torch.Tensor
    ) -> Images:
        size = (fraction.sqrt() * SIDE).round().clamp(3, SIDE - 1)
        size = size + (size % 2 == 0)  # odd, so that bumps have a centre
        row, column = _corner(size, draws[:, 0], draws[:, 1])
        receiver = _square_mask(size, row, column)
        donor = _square_mask(size, *_corner(size, draws[:, 2], draws[:, 3]))
        delta = best - clean
        norm_of_both = _norm(delta * (receiver | donor))
        unused = (self.threat.eps**2 - _norm(delta) ** 2).clamp_min(0)
        bumps = _placed_bumps(size, row, column, draws[:, 5])
        signed = bumps * per_image(_signs(draws[:, 4]))
        mixed = signed + delta * receiver / _norm(delta * receiver)
        received = mixed / _norm(mixed) * (unused + norm_of_both**2).sqrt()
        return self._scaled(clean, torch.where(receiver, received, delta.masked_fill(donor, 0.0)))

    def _scaled(self, clean: Images, delta: torch.Tensor) -> Images:
        """The image perturbed by `delta`, scaled to norm eps."""
        return self.threat.project(clean, clean + self.threat.eps * delta / _norm(delta))


def _signs(draws: torch.Tensor) -> torch.Tensor:
    return torch.where(draws < 0.5, -1.0, 1.0)


def _norm(delta: torch.Tensor) -> torch.Tensor:
    """The L2 norm per image, (n, 1, 1, 1), never 0."""
    return per_image(delta.flatten(1).norm(dim=1).clamp_min(1e-10))


def _corner(
    size: torch.Tensor, row: torch.Tensor, column: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Row and column of the upper left pixel of a square inside the image, from draws in [0, 1)."""
    free = SIDE - size + 1
    return (row * free).floor(), (column * free).floor()


def _square_mask(size: torch.Tensor, row: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
    """Boolean (n, 1, 28, 28): the pixels of each square."""
    side = torch.arange(SIDE, device=size.device)
    top, left, edge = (numbers.view(-1, 1) for numbers in (row, column, size))
    rows = (side >= top) & (side < top + edge)
    columns = (side >= left) & (side < left + edge)
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def _placed_bumps(
    size: torch.Tensor, row: torch.Tensor, column: torch.Tensor, flip: torch.Tensor
) -> torch.Tensor:
    """A pair of bumps in each square, side by side or one above the other; (n, 1, 28, 28)."""
    side = torch.arange(SIDE, device=size.device)
    # Pixels outside the square read zeros of the table.
    down = ((side - row[:, None]).long() % SIDE)[:, :, None]
    right = ((side - column[:, None]).long() % SIDE)[:, None, :]
    flipped = (flip < 0.5).view(-1, 1, 1)
    first, second = torch.where(flipped, right, down), torch.where(flipped, down, right)
    return _bumps(size.device)[size.long().view(-1, 1, 1), first, second][:, None]


@functools.cache
def _bumps(device: torch.device) -> torch.Tensor:
    """For each size s a pair of opposite bumps of norm 1 in [s, :s, :s], else 0; (28, 28, 28)."""
    table = torch.zeros(SIDE, SIDE, SIDE)
    for size in range(2, SIDE):
        pair = torch.cat([_bump(size // 2, size), -_bump(size - size // 2, size)])
        table[size, :size, :size] = pair / pair.norm()
    return table.to(device)


def _bump(height: int, width: int) -> torch.Tensor:
    """A bump that decreases from its centre by concentric rings; of norm 1, (height, width)."""
    rows = (torch.arange(height) - height // 2).abs()
    columns = (torch.arange(width) - width // 2).abs()
    ring = torch.maximum(rows[:, None], columns[None, :])
    layers = 1.0 / torch.arange(1, int(ring.max()) + 2) ** 2
    bump: torch.Tensor = layers.flip(0).cumsum(0).flip(0)[ring]
    norm: torch.Tensor = bump.norm()
    return bump / norm


SAMPLERS: dict[str, type[Sampler]] = {"flips": LinfSampler, "moves": L2Sampler}
