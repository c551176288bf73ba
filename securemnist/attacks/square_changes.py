"""Random changes of Square Attack, one sampler per kind of changes that a threat names.

Andriushchenko et al. 2020 (arXiv 1912.00049), sections 3.2 and 3.3. Random numbers are arguments,
uniform in [0, 1). Each channel of a square has its own sign.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import final

import torch

from securemnist.attacks.block_patterns import block_signs, pattern_draws
from securemnist.threats import Threat
from securemnist.threats.patch import rectangles
from securemnist.types import Images, per_image

_Corner = tuple[torch.Tensor, torch.Tensor]
# Tiles per row and column of the initial L2 pattern.
_TILES = 5


class Sampler(ABC):
    """Changes of images in the form `shape` (n, C, H, W), with squares of these `fractions`.

    `draws`, `initial_draws` and `pattern_draws` are the random numbers that one change, the first one,
    or a pattern takes; `pattern_draws` is 0 where there are no patterns. The first `shared_draws` of a
    change are the same for all images.
    """

    draws: int
    shared_draws: int = 0
    initial_draws: int
    pattern_draws: int = 0

    def __init__(self, threat: Threat, shape: Sequence[int], fractions: torch.Tensor) -> None:
        self.threat = threat
        self.channels, self.height, self.width = shape[1:]
        self.side = min(self.height, self.width)
        self.scale = math.sqrt(self.height * self.width)

    @abstractmethod
    def initial(self, clean: Images, draws: torch.Tensor) -> Images:
        """The first candidate of each image, from `draws` (n, self.initial_draws)."""

    @abstractmethod
    def change(
        self, clean: Images, best: Images, fraction: torch.Tensor, draws: torch.Tensor
    ) -> Images:
        """`best` with a square of `fraction` (n,) of its pixels changed, from `draws` (n, self.draws)."""

    def pattern(self, clean: Images, draws: torch.Tensor) -> Images:
        """A change of all pixels, from `draws` (n, self.pattern_draws), where there are patterns."""
        raise NotImplementedError

    def corner(self, size: torch.Tensor, row: torch.Tensor, column: torch.Tensor) -> _Corner:
        """Row and column of the upper left pixel of a square in the image, from draws in [0, 1)."""
        top = (row * (self.height - size + 1)).floor()
        left = (column * (self.width - size + 1)).floor()
        return top, left

    def mask(self, size: torch.Tensor, corner: _Corner) -> torch.Tensor:
        """Boolean (n, 1, H, W): the pixels of each square."""
        return rectangles(corner, (size, size), (self.height, self.width))[:, None]


@final
class LinfSampler(Sampler):
    """Vertical stripes of +-eps, then squares of +eps or -eps, projected onto the threat."""

    def __init__(self, threat: Threat, shape: Sequence[int], fractions: torch.Tensor) -> None:
        super().__init__(threat, shape, fractions)
        self.draws, self.initial_draws = 2 + self.channels, self.channels * self.width
        # The place, so that a query changes one rectangle of a batch; signs are each image's own.
        self.shared_draws = 2
        self.pattern_draws = pattern_draws(*shape[1:])

    def pattern(self, clean: Images, draws: torch.Tensor) -> Images:
        signs = block_signs((self.channels, self.height, self.width), draws)
        return self.threat.project(clean, clean + self.threat.eps * signs)

    def initial(self, clean: Images, draws: torch.Tensor) -> Images:
        stripes = _signs(draws).view(-1, self.channels, 1, self.width)
        return self.threat.project(clean, clean + self.threat.eps * stripes)

    def change(
        self, clean: Images, best: Images, fraction: torch.Tensor, draws: torch.Tensor
    ) -> Images:
        size, corner = self.squares(fraction, draws)
        return torch.where(self.mask(size, corner), self.moved(clean, draws), best)

    def squares(self, fraction: torch.Tensor, draws: torch.Tensor) -> tuple[torch.Tensor, _Corner]:
        """Sides and upper left pixels (n,) of the squares."""
        size = (fraction.sqrt() * self.scale).round().clamp(1, self.side)
        return size, self.corner(size, draws[:, 0], draws[:, 1])

    def moved(self, clean: Images, draws: torch.Tensor) -> Images:
        """Pixels (n, C, h, w) of the image, changed by eps with the sign of their channel."""
        signs = _signs(draws[:, 2:])[:, :, None, None]
        return self.threat.project(clean, clean + self.threat.eps * signs)


class L2Sampler(Sampler):
    """Tiles of two opposite bumps, then squares that receive the perturbation of another square.

    The receiving square keeps its direction and gets a new pair of bumps added. Its norm, channel by
    channel, comes from the perturbation of both squares and an equal part of the unused budget; the
    donor square becomes 0. `order`: the exponent of the norm.
    """

    order: float = 2.0

    def __init__(self, threat: Threat, shape: Sequence[int], fractions: torch.Tensor) -> None:
        super().__init__(threat, shape, fractions)
        self.tile = max(2, self.side // _TILES)
        self.tiles = min(_TILES, self.side // self.tile)
        sizes = self._sizes(fractions)
        self.bumps = _Bumps({self.tile, *sizes.long().tolist()}, max(self.height, self.width))
        self.draws = 5 + self.channels
        orientation = self.channels * self.tiles**2 + 1
        self.initial_draws = max(orientation, self.channels * self.width)

    def _sizes(self, fractions: torch.Tensor) -> torch.Tensor:
        """Sides of the squares: odd, so that bumps have a centre."""
        size = (fractions.sqrt() * self.scale).round().clamp(3, self.side - 1)
        return size + (size % 2 == 0)

    def initial(self, clean: Images, draws: torch.Tensor) -> Images:
        signs = _signs(draws[:, : self.channels * self.tiles**2])
        signs = signs.view(-1, self.channels, self.tiles, self.tiles)
        pattern = torch.kron(signs, self.bumps.of(self.tile).to(clean.device))
        pattern = torch.where(per_image(draws[:, -1] < 0.5), pattern, pattern.transpose(2, 3))
        edges = (side - self.tile * self.tiles for side in (self.width, self.height))
        padding = [part for edge in edges for part in (edge // 2, edge - edge // 2)]
        return self._scaled(clean, torch.nn.functional.pad(pattern, padding))

    def change(
        self, clean: Images, best: Images, fraction: torch.Tensor, draws: torch.Tensor
    ) -> Images:
        size = self._sizes(fraction)
        corner = self.corner(size, draws[:, 0], draws[:, 1])
        receiver = self.mask(size, corner)
        donor = self.mask(size, self.corner(size, draws[:, 2], draws[:, 3]))
        delta = best - clean
        norm_of_both, order = self._channel_norm(delta * (receiver | donor)), self.order
        spent = self._norm(delta) ** order
        unused = (self.threat.eps**order - spent).clamp_min(0) / self.channels
        bumps = self._placed_bumps(size, corner, draws[:, -1])
        signed = bumps * _signs(draws[:, 4:-1])[:, :, None, None]
        mixed = signed + delta * receiver / self._channel_norm(delta * receiver)
        size = (unused + norm_of_both**order) ** (1 / order)
        received = mixed / self._channel_norm(mixed) * size
        return self._scaled(clean, torch.where(receiver, received, delta.masked_fill(donor, 0.0)))

    def _placed_bumps(
        self, size: torch.Tensor, corner: _Corner, flip: torch.Tensor
    ) -> torch.Tensor:
        """A pair of bumps in each square, side by side or one above the other; (n, 1, H, W)."""
        row, column = corner
        # Pixels outside the square read zeros of the table.
        down = (torch.arange(self.height, device=size.device) - row[:, None]).long() % self.height
        right = (torch.arange(self.width, device=size.device) - column[:, None]).long() % self.width
        down, right = down[:, :, None], right[:, None, :]
        flipped = (flip < 0.5).view(-1, 1, 1)
        first, second = torch.where(flipped, right, down), torch.where(flipped, down, right)
        return self.bumps.at(size.long().view(-1, 1, 1), first, second)[:, None]

    def _scaled(self, clean: Images, delta: torch.Tensor) -> Images:
        """The image perturbed by `delta`, scaled to norm eps."""
        return self.threat.project(clean, clean + self.threat.eps * delta / self._norm(delta))

    def _norm(self, delta: torch.Tensor) -> torch.Tensor:
        """The norm per image, (n, 1, 1, 1), never 0."""
        return per_image(delta.flatten(1).norm(self.order, dim=1).clamp_min(1e-10))

    def _channel_norm(self, delta: torch.Tensor) -> torch.Tensor:
        """The norm per image and channel, (n, C, 1, 1), never 0."""
        norms: torch.Tensor = delta.flatten(2).norm(self.order, dim=2).clamp_min(1e-10)
        return norms[:, :, None, None]


@final
class L1Sampler(L2Sampler):
    """The same changes with sizes in L1 (Croce and Hein 2021, arXiv 2103.01208, section 5)."""

    order = 1.0

    def _scaled(self, clean: Images, delta: torch.Tensor) -> Images:
        size = self.threat.eps * (1 - 1e-6)
        return (clean + size * delta / self._norm(delta)).clamp_(0, 1)


def _signs(draws: torch.Tensor) -> torch.Tensor:
    return torch.where(draws < 0.5, -1.0, 1.0)


class _Bumps:
    """For each size s a pair of opposite bumps of norm 1 in [:s, :s], else 0; (sizes, side, side)."""

    def __init__(self, sizes: set[int], side: int) -> None:
        self.rows = torch.zeros(side + 1, dtype=torch.long)
        self.table = torch.zeros(len(sizes), side, side)
        for row, size in enumerate(sorted(sizes)):
            pair = torch.cat([_bump(size // 2, size), -_bump(size - size // 2, size)])
            self.table[row, :size, :size] = pair / pair.norm()
            self.rows[size] = row

    def of(self, size: int) -> torch.Tensor:
        """The pair of one size, (size, size)."""
        return self.table[self.rows[size], :size, :size]

    def at(self, size: torch.Tensor, row: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
        """Values at these places of the pairs of these sizes."""
        self.rows, self.table = self.rows.to(size.device), self.table.to(size.device)
        return self.table[self.rows[size], row, column]


def _bump(height: int, width: int) -> torch.Tensor:
    """A bump that decreases from its centre by concentric rings; of norm 1, (height, width)."""
    rows = (torch.arange(height) - height // 2).abs()
    columns = (torch.arange(width) - width // 2).abs()
    ring = torch.maximum(rows[:, None], columns[None, :])
    layers = 1.0 / torch.arange(1, int(ring.max()) + 2) ** 2
    bump: torch.Tensor = layers.flip(0).cumsum(0).flip(0)[ring]
    norm: torch.Tensor = bump.norm()
    return bump / norm


SAMPLERS: dict[str, type[Sampler]] = {
    "flips": LinfSampler,
    "moves": L2Sampler,
    "moves in L1": L1Sampler,
}
