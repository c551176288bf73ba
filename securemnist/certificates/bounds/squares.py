"""Squares of changed pixels at any place of an image: a union of boxes, one for each place.

A range of places has a box, too. All pixels that a square of the range covers are free there, so a bound
over the box holds for every place of the range. The values of a single pixel are divided as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from securemnist.certificates.operations.intervals import Box
from securemnist.errors import MeasureError
from securemnist.referee import SLACK
from securemnist.threats.patch import rectangles
from securemnist.types import Images

# Norms whose threat is a square of changed pixels: a patch, and a single pixel.
SQUARES = ("patch", "l0")
# Places of a first range, in rows and in columns.
_FIRST = 4
# The values of a single pixel, of all its channels together, are divided into at most so many parts.
PARTS = 64


def check_square(x: Images, eps: float, norm: str) -> None:
    """MeasureError for a side that is no whole number, for several pixels of l0, and for other samples.

    `eps` may exceed the side by the tolerance of the referee.
    """
    if not 1 <= eps < 2**31 or eps - int(eps) > 2 * SLACK or (norm == "l0" and eps >= 2):
        raise MeasureError(
            "expected a patch with a side of 1, 2, 3 or more pixels, or l0 of 1 pixel, got "
            f"{norm} {eps:g}; change eps"
        )
    if x.dim() != 4:
        raise MeasureError(
            f"expected images (n, C, H, W) for {norm}, got {tuple(x.shape)}; fix them"
        )


@dataclass(frozen=True)
class Squares:
    """Ranges of places of a square of `side` pixels, and of the values of its pixels.

    `places` int64 (r, 4): first and last row, first and last column of upper left corners. `values`
    float64 (r, 2, C): the lowest and the highest value of each channel in the square.
    """

    side: int
    places: torch.Tensor
    values: torch.Tensor

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, which: torch.Tensor | slice) -> Squares:
        return Squares(self.side, self.places[which], self.values[which])

    def joined(self, *others: Squares) -> Squares:
        """These ranges and others of the same side."""
        parts = (self, *others)
        places, values = ([getattr(part, name) for part in parts] for name in ("places", "values"))
        return Squares(self.side, torch.cat(places), torch.cat(values))

    @property
    def single(self) -> torch.Tensor:
        """Which ranges have one place, boolean (r,)."""
        top, bottom, left, right = self.places.unbind(1)
        return (top == bottom) & (left == right)

    @property
    def whole(self) -> torch.Tensor:
        """Which ranges have all values of a pixel, boolean (r,)."""
        return self._size == 1

    @property
    def divisible(self) -> torch.Tensor:
        """Which ranges have several places, or are a single pixel with many values; boolean (r,)."""
        return ~self.single | ((self._size > 1 / PARTS) & (self.side == 1))

    @property
    def _size(self) -> torch.Tensor:
        """The part of all values that each range has, (r,)."""
        return (self.values[:, 1] - self.values[:, 0]).prod(1)

    def divided(self) -> Squares:
        """The parts of divisible ranges: of several places quarters, of a single pixel two halves."""
        single = self.single
        return self[~single]._quarters().joined(self[single]._halves())

    def _quarters(self) -> Squares:
        """The halves in rows and columns of each range; of one row or column, two of them."""
        top, bottom, left, right = self.places.unbind(1)
        row, column = (top + bottom) // 2, (left + right) // 2
        parts = [
            torch.stack([*rows, *columns], 1)
            for rows in ((top, row), (row + 1, bottom))
            for columns in ((left, column), (column + 1, right))
        ]
        found = torch.stack(parts, 1).flatten(0, 1)
        kept = (found[:, 0] <= found[:, 1]) & (found[:, 2] <= found[:, 3])
        return Squares(self.side, found[kept], self.values.repeat_interleave(4, 0)[kept])

    def _halves(self) -> Squares:
        """Two parts of the values of each range, by the channel that has most of them."""
        low, high = self.values.unbind(1)
        channel = (high - low).argmax(1, keepdim=True)
        middle = (low + high).gather(1, channel) / 2
        below = torch.stack([low, high.scatter(1, channel, middle)], 1)
        above = torch.stack([low.scatter(1, channel, middle), high], 1)
        return Squares(self.side, self.places.repeat(2, 1), torch.cat([below, above]))

    def box(self, x: Images) -> Box:
        """The boxes (r, C, H, W) in one image (1, C, H, W); float64.

        Pixels outside the squares move by the tolerance of the referee, which takes it for no change.
        """
        top, bottom, left, right = self.places.unbind(1)
        ends = (bottom - top + self.side, right - left + self.side)
        free = rectangles((top, left), ends, (x.shape[2], x.shape[3]))[:, None]
        low, high = self.values[..., None, None].unbind(1)
        centre = x.double()
        lower, upper = (centre - SLACK).clamp(0, 1), (centre + SLACK).clamp(0, 1)
        return Box(torch.where(free, low, lower), torch.where(free, high, upper))


def all_squares(x: Images, side: int) -> Squares:
    """Ranges that hold all places and values of a square in images `x` (n, C, H, W)."""
    rows, columns = (_parts(max(length - side, 0)) for length in x.shape[2:])
    places = [rows.repeat_interleave(len(columns), 0), columns.repeat(len(rows), 1)]
    values = torch.tensor([0.0, 1.0], dtype=torch.float64)[None, :, None]
    count = len(rows) * len(columns)
    values = values.expand(count, 2, x.shape[1])
    return Squares(side, torch.cat(places, 1).to(x.device), values.to(x.device))


def _parts(last: int) -> torch.Tensor:
    """The places from 0 to `last` in parts, by first and last one, int64 (k, 2)."""
    first = torch.arange(0, last + 1, _FIRST)
    return torch.stack([first, (first + _FIRST - 1).clamp_max(last)], 1)
