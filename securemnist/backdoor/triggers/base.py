"""Base of triggers, and the checks of their settings."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, final

import torch

from securemnist.errors import UsageError
from securemnist.input_spec import MOST_CHANNELS
from securemnist.types import Images

Value = float | tuple[float, ...]


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


def brightness(value: Any) -> Value:
    """A brightness, or one for each channel; UsageError for other values."""
    check(_in_range(value), "value", "0 to 1, or a list of one for each channel", value)
    return tuple(value) if isinstance(value, list | tuple) else value


def amplitude(value: Any) -> Value:
    """A brightness above 0, or one for each channel, some above 0; UsageError for other values."""
    valid = _in_range(value) and (any(value) if isinstance(value, list | tuple) else value > 0)
    check(valid, "amplitude", "above 0, to 1, or a list of one for each channel", value)
    return brightness(value)


def _in_range(value: Any) -> bool:
    parts = value if isinstance(value, list | tuple) else [value]
    return 1 <= len(parts) <= MOST_CHANNELS and all(
        is_number(part) and 0 <= part <= 1 for part in parts
    )


def check_channels(value: Value, channels: int, setting: str = "value") -> None:
    """UsageError where a brightness has not one value for each channel."""
    fits = not isinstance(value, tuple) or len(value) == channels
    check(fits, setting, f"as one number, or {channels}, one for each channel", value)


def as_pixel(value: Value, x: Images) -> torch.Tensor:
    """The brightness of each channel, (C or 1, 1, 1)."""
    return torch.tensor(value, dtype=x.dtype, device=x.device).view(-1, 1, 1)


def is_whole(value: object) -> bool:
    """Whether a value is an integer and not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a value is an integer or float and not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def check(holds: bool, setting: str, expected: str, got: object) -> None:
    """UsageError that names the setting, unless the condition holds."""
    if not holds:
        raise UsageError(f"expected {setting} {expected} for a trigger, got {got!r}; fix it")


def check_share(setting: str, value: object) -> None:
    """UsageError for a number that is not in (0, 1]."""
    check(is_number(value) and 0 < value <= 1, setting, "above 0, to 1", value)  # type: ignore[operator]


def check_seed(pattern: object) -> None:
    """UsageError for a seed that is no whole number."""
    check(is_whole(pattern), "pattern", "a whole number", pattern)
