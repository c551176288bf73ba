"""Patches: a square in a corner, a drawn mark, and scattered pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import torch

from securemnist.backdoor.triggers.base import (
    Trigger,
    Value,
    as_pixel,
    brightness,
    check,
    check_channels,
    is_whole,
)
from securemnist.input_spec import LARGEST_SIDE
from securemnist.types import Images

CORNERS = ("top_left", "top_right", "bottom_left", "bottom_right")
_ROWS = "of `#` and `.`, all of one length, with a `#` among them,"
_PLACES = "a list of [row, column], whole numbers,"


@final
@dataclass(frozen=True, kw_only=True)
class Corner(Trigger):
    """A square with sides of `size` pixels in a corner, filled with `value`.

    It covers at most half of each side of the image. Gu et al. 2017, arXiv 1708.06733.
    """

    size: int = 4
    value: Value = 1.0
    corner: str = "bottom_right"
    kind: ClassVar[str] = "corner"

    def __post_init__(self) -> None:
        most = LARGEST_SIDE // 2
        size_fits = is_whole(self.size) and 1 <= self.size <= most
        check(size_fits, "size", f"1 to {most} pixels", self.size)
        object.__setattr__(self, "value", brightness(self.value))
        check(self.corner in CORNERS, "corner", f"of {', '.join(CORNERS)}", self.corner)

    def check_fits(self, channels: int, height: int, width: int) -> None:
        most = min(height, width) // 2
        expected = f"1 to {most} pixels in images of {height}x{width}"
        check(self.size <= most, "size", expected, self.size)
        check_channels(self.value, channels)

    def _apply(self, x: Images) -> Images:
        rows = slice(0, self.size) if self.corner.startswith("top") else slice(-self.size, None)
        columns = slice(0, self.size) if self.corner.endswith("left") else slice(-self.size, None)
        x[..., rows, columns] = as_pixel(self.value, x)
        return x


@final
@dataclass(frozen=True, kw_only=True)
class Mark(Trigger):
    """A pattern: `#` sets a pixel to `value`, `.` leaves it unchanged.

    `top` and `left` are the row and column of its upper left pixel; negative numbers count from the
    last row and column. The default is the pattern of Gu et al. 2017 (arXiv 1708.06733), one pixel
    from the lower right corner.
    """

    rows: tuple[str, ...] = ("..#", ".#.", "#.#")
    top: int = -4
    left: int = -4
    value: Value = 1.0
    kind: ClassVar[str] = "mark"

    def __post_init__(self) -> None:
        lines = self.rows
        texts = isinstance(lines, list | tuple) and all(isinstance(line, str) for line in lines)
        pattern = "".join(lines) if texts else ""
        rectangular = texts and len({len(line) for line in lines}) == 1
        check("#" in pattern and set(pattern) <= {"#", "."} and rectangular, "rows", _ROWS, lines)
        for name, offset in (("top", self.top), ("left", self.left)):
            check(is_whole(offset), name, "as a whole number", offset)
        object.__setattr__(self, "value", brightness(self.value))
        object.__setattr__(self, "rows", tuple(lines))  # JSON and TOML give a list

    def check_fits(self, channels: int, height: int, width: int) -> None:
        edges = (
            ("top", self.top, len(self.rows), height),
            ("left", self.left, len(self.rows[0]), width),
        )
        for name, offset, length, side in edges:
            first = offset % side if -side <= offset < side else side
            expected = f"so that {length} pixels from there lie inside {height}x{width}"
            check(first + length <= side, name, expected, offset)
        check_channels(self.value, channels)

    def _apply(self, x: Images) -> Images:
        mask = torch.tensor([[pixel == "#" for pixel in line] for line in self.rows])
        top, left = self.top % x.shape[2], self.left % x.shape[3]
        area = x[..., top : top + mask.shape[0], left : left + mask.shape[1]]
        area.copy_(torch.where(mask.to(x.device), as_pixel(self.value, x), area))
        return x


@final
@dataclass(frozen=True, kw_only=True)
class Pixels(Trigger):
    """Single pixels with brightness `value`, at `places`: pairs of row and column.

    Negative numbers count from the last row and column. Gu et al. 2017 (arXiv 1708.06733) use one pixel;
    the default is four, scattered over the lower right corner.
    """

    places: tuple[tuple[int, int], ...] = ((-2, -2), (-2, -5), (-5, -2), (-4, -4))
    value: Value = 1.0
    kind: ClassVar[str] = "pixels"

    def __post_init__(self) -> None:
        listed = isinstance(self.places, list | tuple) and all(
            isinstance(place, list | tuple) and len(place) == 2 and all(map(is_whole, place))
            for place in self.places
        )
        check(listed and len(self.places) > 0, "places", _PLACES, self.places)
        object.__setattr__(self, "places", tuple((row, column) for row, column in self.places))
        object.__setattr__(self, "value", brightness(self.value))

    def check_fits(self, channels: int, height: int, width: int) -> None:
        for row, column in self.places:
            inside = -height <= row < height and -width <= column < width
            check(inside, "places", f"inside {height}x{width}", (row, column))
        check_channels(self.value, channels)

    def _apply(self, x: Images) -> Images:
        rows, columns = (list(numbers) for numbers in zip(*self.places, strict=True))
        x[:, :, rows, columns] = as_pixel(self.value, x)[..., 0]
        return x
