"""Squares of changed pixels at any place of an image: a union of boxes, one for each place.

A range of places has a box, too. All pixels that a square of the range covers are free there, so a bound
over the box holds for every place of the range.
"""

from __future__ import annotations

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


def first_ranges(x: Images, side: int) -> torch.Tensor:
    """Ranges that hold all places of a square in images `x` (n, C, H, W), int64 (r, 4).

    A range has the first and last row, and the first and last column, of upper left corners.
    """
    rows, columns = (_parts(max(length - side, 0)) for length in x.shape[2:])
    ranges = [rows.repeat_interleave(len(columns), 0), columns.repeat(len(rows), 1)]
    return torch.cat(ranges, 1).to(x.device)


def _parts(last: int) -> torch.Tensor:
    """The places from 0 to `last` in parts, by first and last one, int64 (k, 2)."""
    first = torch.arange(0, last + 1, _FIRST)
    return torch.stack([first, (first + _FIRST - 1).clamp_max(last)], 1)


def quarters(ranges: torch.Tensor) -> torch.Tensor:
    """The halves in rows and columns of each range (r, 4); of one row or column, two of them."""
    top, bottom, left, right = ranges.unbind(1)
    row, column = (top + bottom) // 2, (left + right) // 2
    parts = [
        torch.stack([*rows, *columns], 1)
        for rows in ((top, row), (row + 1, bottom))
        for columns in ((left, column), (column + 1, right))
    ]
    found = torch.stack(parts, 1).flatten(0, 1)
    return found[(found[:, 0] <= found[:, 1]) & (found[:, 2] <= found[:, 3])]


def single(ranges: torch.Tensor) -> torch.Tensor:
    """Which ranges (r, 4) have one place, boolean (r,)."""
    return (ranges[:, 0] == ranges[:, 1]) & (ranges[:, 2] == ranges[:, 3])


def box_of(x: Images, side: int, ranges: torch.Tensor) -> Box:
    """The boxes (r, C, H, W) of ranges (r, 4) of places in one image (1, C, H, W); float64.

    Pixels outside the squares move by the tolerance of the referee, which takes it for no change.
    """
    top, bottom, left, right = ranges.unbind(1)
    sides = x.shape[2], x.shape[3]
    free = rectangles((top, left), (bottom - top + side, right - left + side), sides)[:, None]
    centre = x.double()
    lower, upper = (centre - SLACK).clamp(0, 1), (centre + SLACK).clamp(0, 1)
    return Box(torch.where(free, 0.0, lower), torch.where(free, 1.0, upper))
