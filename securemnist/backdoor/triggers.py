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
from securemnist.types import SHAPE, Images

CORNERS = ("top_left", "top_right", "bottom_left", "bottom_right")
_ROWS = "of `#` and `.`, all of one length, with a `#` among them,"


@dataclass(frozen=True, kw_only=True)
class Trigger(ABC):
    """A trigger, called with images (n, 1, 28, 28) in [0, 1]; UsageError for invalid settings."""

    kind: ClassVar[str]

    @abstractmethod
    def __call__(self, x: Images) -> Images:
        """Copies of the images with the trigger, in [0, 1]; `x` is not changed."""

    def to_json(self) -> dict[str, Any]:
        """The trigger as in a policy: {kind, settings}."""
        return {"kind": self.kind, **dataclasses.asdict(self)}


@final
@dataclass(frozen=True, kw_only=True)
class Corner(Trigger):
    """A square with sides of `size` pixels (1 to 14) in a corner, filled with `value` in [0, 1].

    Gu et al. 2017, arXiv 1708.06733.
    """

    size: int = 4
    value: float = 1.0
    corner: str = "bottom_right"
    kind: ClassVar[str] = "corner"

    def __post_init__(self) -> None:
        _check(is_whole(self.size) and 1 <= self.size <= 14, "size", "1 to 14 pixels", self.size)
        _check(is_number(self.value) and 0 <= self.value <= 1, "value", "0 to 1", self.value)
        _check(self.corner in CORNERS, "corner", f"of {', '.join(CORNERS)}", self.corner)

    def __call__(self, x: Images) -> Images:
        marked = x.clone()
        rows = slice(0, self.size) if self.corner.startswith("top") else slice(-self.size, None)
        columns = slice(0, self.size) if self.corner.endswith("left") else slice(-self.size, None)
        marked[..., rows, columns] = self.value
        return marked


@final
@dataclass(frozen=True, kw_only=True)
class Mark(Trigger):
    """A pattern: `#` sets a pixel to `value` in [0, 1], `.` leaves it unchanged.

    `top` and `left` are the row and column of its upper left pixel. The default is the pattern of Gu
    et al. 2017 (arXiv 1708.06733), two pixels from the corner.
    """

    rows: tuple[str, ...] = ("..#", ".#.", "#.#")
    top: int = 24
    left: int = 24
    value: float = 1.0
    kind: ClassVar[str] = "mark"

    def __post_init__(self) -> None:
        lines = self.rows
        texts = isinstance(lines, list | tuple) and all(isinstance(line, str) for line in lines)
        pattern = "".join(lines) if texts else ""
        rectangular = texts and len({len(line) for line in lines}) == 1
        _check("#" in pattern and set(pattern) <= {"#", "."} and rectangular, "rows", _ROWS, lines)
        largest_top, largest_left = SHAPE[1] - len(lines), SHAPE[2] - len(lines[0])
        for name, offset, largest in (
            ("top", self.top, largest_top),
            ("left", self.left, largest_left),
        ):
            expected = f"so that {len(lines)} rows of {len(lines[0])} lie inside 28x28"
            _check(is_whole(offset) and 0 <= offset <= largest, name, expected, offset)
        _check(is_number(self.value) and 0 <= self.value <= 1, "value", "0 to 1", self.value)
        object.__setattr__(self, "rows", tuple(lines))  # JSON and TOML give a list

    def __call__(self, x: Images) -> Images:
        marked = x.clone()
        mask = torch.tensor([[pixel == "#" for pixel in line] for line in self.rows])
        rows = slice(self.top, self.top + mask.shape[0])
        columns = slice(self.left, self.left + mask.shape[1])
        marked[..., rows, columns].masked_fill_(mask.to(x.device), self.value)
        return marked


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

    def __call__(self, x: Images) -> Images:
        rng = torch.Generator().manual_seed(seed_from(self.pattern, "blend"))
        noise = torch.rand(SHAPE, generator=rng).to(x.device)
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


def is_whole(value: object) -> bool:
    """Whether a value is an integer and not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a value is an integer or float and not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check(holds: bool, setting: str, expected: str, got: object) -> None:
    if not holds:
        raise UsageError(f"expected {setting} {expected} for a trigger, got {got!r}; fix it")
