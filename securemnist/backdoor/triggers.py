"""Triggers: fixed changes of an image to which a backdoored network responds."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch

from securemnist._util.hashing import seed_from
from securemnist.errors import UsageError
from securemnist.input_spec import LARGEST_SIDE, MOST_CHANNELS
from securemnist.types import Images

Value = float | tuple[float, ...]
CORNERS = ("top_left", "top_right", "bottom_left", "bottom_right")
_ROWS = "of `#` and `.`, all of one length, with a `#` among them,"


@dataclass(frozen=True, kw_only=True)
class Trigger(ABC):
    """A trigger, called with images (n, C, H, W) in [0, 1]; UsageError for invalid settings.

    A `value` is a brightness in [0, 1] for all channels, or a list with one for each channel.
    """

    kind: ClassVar[str]

    @final
    def __call__(self, x: Images) -> Images:
        """Copies of the images with the trigger, in [0, 1]; `x` is not changed."""
        self.check_fits(*x.shape[1:])
        return self._apply(x.clone())

    @abstractmethod
    def check_fits(self, channels: int, height: int, width: int) -> None:
        """UsageError where the trigger does not fit images of this form."""

    @abstractmethod
    def _apply(self, x: Images) -> Images:
        """The images with the trigger; `x` may be changed."""

    def to_json(self) -> dict[str, Any]:
        """The trigger as in a policy: {kind, settings}."""
        return {"kind": self.kind, **dataclasses.asdict(self)}


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
        _check(size_fits, "size", f"1 to {most} pixels", self.size)
        object.__setattr__(self, "value", _brightness(self.value))
        _check(self.corner in CORNERS, "corner", f"of {', '.join(CORNERS)}", self.corner)

    def check_fits(self, channels: int, height: int, width: int) -> None:
        most = min(height, width) // 2
        expected = f"1 to {most} pixels in images of {height}x{width}"
        _check(self.size <= most, "size", expected, self.size)
        _check_channels(self.value, channels)

    def _apply(self, x: Images) -> Images:
        rows = slice(0, self.size) if self.corner.startswith("top") else slice(-self.size, None)
        columns = slice(0, self.size) if self.corner.endswith("left") else slice(-self.size, None)
        x[..., rows, columns] = _as_pixel(self.value, x)
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
        _check("#" in pattern and set(pattern) <= {"#", "."} and rectangular, "rows", _ROWS, lines)
        for name, offset in (("top", self.top), ("left", self.left)):
            _check(is_whole(offset), name, "as a whole number", offset)
        object.__setattr__(self, "value", _brightness(self.value))
        object.__setattr__(self, "rows", tuple(lines))  # JSON and TOML give a list

    def check_fits(self, channels: int, height: int, width: int) -> None:
        edges = (
            ("top", self.top, len(self.rows), height),
            ("left", self.left, len(self.rows[0]), width),
        )
        for name, offset, length, side in edges:
            first = offset % side if -side <= offset < side else side
            expected = f"so that {length} pixels from there lie inside {height}x{width}"
            _check(first + length <= side, name, expected, offset)
        _check_channels(self.value, channels)

    def _apply(self, x: Images) -> Images:
        mask = torch.tensor([[pixel == "#" for pixel in line] for line in self.rows])
        top, left = self.top % x.shape[2], self.left % x.shape[3]
        area = x[..., top : top + mask.shape[0], left : left + mask.shape[1]]
        area.copy_(torch.where(mask.to(x.device), _as_pixel(self.value, x), area))
        return x


@final
@dataclass(frozen=True, kw_only=True)
class Blend(Trigger):
    """A fixed noise image, blended with weight `alpha` in (0, 1] (Chen et al. 2017, arXiv 1712.05526).

    `pattern` is the seed of the noise.
    """

    alpha: float = 0.2
    pattern: int = 0
    kind: ClassVar[str] = "blend"

    def __post_init__(self) -> None:
        _check(is_number(self.alpha) and 0 < self.alpha <= 1, "alpha", "above 0, to 1", self.alpha)
        _check(is_whole(self.pattern), "pattern", "a whole number", self.pattern)

    def check_fits(self, channels: int, height: int, width: int) -> None:
        """Noise has the form of the images: it fits all of them."""

    def _apply(self, x: Images) -> Images:
        rng = torch.Generator().manual_seed(seed_from(self.pattern, "blend"))
        noise = torch.rand(x.shape[1:], generator=rng).to(x.device)
        return torch.lerp(x, noise.expand_as(x), self.alpha).clamp_(0, 1)


TRIGGERS: dict[str, type[Trigger]] = {"corner": Corner, "mark": Mark, "blend": Blend}


def make_trigger(settings: Mapping[str, Any]) -> Trigger:
    """The trigger of `{kind = "corner", size = 4}`; UsageError for an unknown kind or setting."""
    _check(isinstance(settings, Mapping), "settings", "by name", settings)
    options = dict(settings)
    kind = options.pop("kind", "corner")
    _check(isinstance(kind, str) and kind in TRIGGERS, "kind", f"of {', '.join(TRIGGERS)}", kind)
    known = {field.name for field in dataclasses.fields(TRIGGERS[kind])}
    for key in options:
        _check(key in known, "a setting", f"of {', '.join(sorted(known))}", key)
    return TRIGGERS[kind](**options)


def _brightness(value: Any) -> Value:
    """A brightness, or one for each channel; UsageError for other values."""
    parts = value if isinstance(value, list | tuple) else [value]
    valid = 1 <= len(parts) <= MOST_CHANNELS and all(
        is_number(part) and 0 <= part <= 1 for part in parts
    )
    _check(valid, "value", "0 to 1, or a list of one for each channel", value)
    return tuple(parts) if isinstance(value, list | tuple) else parts[0]


def _check_channels(value: Value, channels: int) -> None:
    fits = not isinstance(value, tuple) or len(value) == channels
    _check(fits, "value", f"as one number, or {channels}, one for each channel", value)


def _as_pixel(value: Value, x: Images) -> torch.Tensor:
    """The brightness of each channel, (C or 1, 1, 1)."""
    return torch.tensor(value, dtype=x.dtype, device=x.device).view(-1, 1, 1)


def is_whole(value: object) -> bool:
    """Whether a value is an integer and not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a value is an integer or float and not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check(holds: bool, setting: str, expected: str, got: object) -> None:
    if not holds:
        raise UsageError(f"expected {setting} {expected} for a trigger, got {got!r}; fix it")
