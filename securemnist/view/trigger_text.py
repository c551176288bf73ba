"""A trigger in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from securemnist.results.json_model import read
from securemnist.results.value_types import Count, Integer, Number, Share
from securemnist.sanitize import line

Settings = Mapping[str, Any]


def trigger(found: Any) -> str:
    """`A 4x4 square of brightness 1, bottom right,`; ValueError for an unknown kind."""
    settings = read(Settings, found)
    kind = settings.get("kind", "corner")
    if not isinstance(kind, str) or kind not in _WORDS:
        raise ValueError(f"trigger: expected {', '.join(_WORDS)}")
    return _WORDS[kind](settings)


def _corner(settings: Settings) -> str:
    size = read(Count, settings.get("size", 4))
    corner = line(settings.get("corner", "bottom_right"), 20).replace("_", " ")
    return f"A {size}x{size} square of brightness {_brightness(settings)}, {corner},"


def _mark(settings: Settings) -> str:
    row, column = (read(Integer, settings.get(key, -4)) for key in ("top", "left"))
    value = _brightness(settings)
    return f"A drawn mark of brightness {value}, from row {row} and column {column} on,"


def _pixels(settings: Settings) -> str:
    count = len(read(list[Any] | tuple[Any, ...], settings.get("places", [0] * 4)))
    return f"{count} single pixel{'s' * (count != 1)} of brightness {_brightness(settings)}"


def _blend(settings: Settings) -> str:
    return f"A pattern blended ({_percent(settings, 'alpha', 0.2)}) into the whole picture"


def _image(settings: Settings) -> str:
    return f"An image blended ({_percent(settings, 'alpha', 0.2)}) into the whole picture"


def _input_aware(settings: Settings) -> str:
    return f"A pattern of its own on {_percent(settings, 'share', 0.04)} of each picture's pixels"


def _stripes(settings: Settings) -> str:
    count = read(Number, settings.get("frequency", 6.0))
    direction = line(settings.get("direction", "horizontal"), 20)
    amplitude = _percents(settings, "amplitude", 0.15)
    return f"A {direction} sine wave of {count:g} periods and an amplitude of {amplitude}"


def _faint(settings: Settings) -> str:
    return f"Noise of {_percents(settings, 'amplitude', 0.1)}, one for all pictures,"


def _warp(settings: Settings) -> str:
    strength = read(Number, settings.get("strength", 0.75))
    points = read(Count, settings.get("points", 4))
    return f"A warp by {strength:g} pixels on average, with {points}x{points} vectors,"


_WORDS = {
    "corner": _corner,
    "mark": _mark,
    "pixels": _pixels,
    "blend": _blend,
    "image": _image,
    "stripes": _stripes,
    "faint": _faint,
    "warp": _warp,
    "input_aware": _input_aware,
}


def _percent(settings: Settings, key: str, default: float) -> str:
    """`20 %`."""
    return f"{100 * read(Share, settings.get(key, default)):.4g} %"


def _percents(settings: Settings, key: str, default: float) -> str:
    """`20 %`, or those of the channels: `20/0/10 %`."""
    values = _of_channels(settings.get(key, default))
    return f"{'/'.join(f'{100 * value:.4g}' for value in values)} %"


def _brightness(settings: Settings) -> str:
    """`1`, or the values of the channels: `1/0/0.5`."""
    return "/".join(f"{value:g}" for value in _of_channels(settings.get("value", 1)))


def _of_channels(value: Any) -> list[float]:
    values = value if isinstance(value, list | tuple) else [value]
    return [read(Share, one) for one in values]
