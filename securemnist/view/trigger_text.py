"""A trigger in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from securemnist.results.json_model import read
from securemnist.results.value_types import Count, Integer, Number, Share
from securemnist.sanitize import line
from securemnist.view.row_words import filled

Settings = Mapping[str, Any]


def trigger(found: Any) -> str:
    """`A 4x4 square of brightness 1, bottom right,`; ValueError for an unknown kind."""
    settings = read(Settings, found)
    kind = settings.get("kind", "corner")
    if not isinstance(kind, str) or kind not in _WORDS:
        raise ValueError(f"trigger: expected {', '.join(_WORDS)}")
    return filled(_WORDS[kind], _PARTS, settings)


_WORDS = {
    "corner": "A {size}x{size} square of brightness {value}, {corner},",
    "mark": "A drawn mark of brightness {value}, from row {top} and column {left} on,",
    "pixels": "{places} of brightness {value}",
    "blend": "A pattern blended ({alpha} %) into the whole picture",
    "image": "An image blended ({alpha} %) into the whole picture",
    "stripes": "A {direction} sine wave of {frequency} periods and an amplitude of {stripes} %",
    "faint": "Noise of {faint} %, one for all pictures,",
    "warp": "A warp by {strength} pixels on average, with {points}x{points} vectors,",
    "input_aware": "A pattern of its own on {share} % of each picture's pixels",
}


def _number(kind: Any, key: str, default: Any, scale: int = 1) -> Callable[[Settings], str]:
    """The words for a number; an integer in all its digits."""
    form = ".4g" if scale > 1 else "g" if kind is Number else ""
    return lambda settings: f"{scale * read(kind, settings.get(key, default)):{form}}"


def _each(key: str, default: float, scale: int, form: str) -> Callable[[Settings], str]:
    """The words for one number, or for those of the channels: `1/0/0.5`."""

    def words(settings: Settings) -> str:
        value = settings.get(key, default)
        values = value if isinstance(value, list | tuple) else [value]
        return "/".join(f"{scale * read(Share, one):{form}}" for one in values)

    return words


def _text(key: str, default: str) -> Callable[[Settings], str]:
    return lambda settings: line(settings.get(key, default), 20).replace("_", " ")


def _places(settings: Settings) -> str:
    count = len(read(list[Any] | tuple[Any, ...], settings.get("places", [0] * 4)))
    return f"{count} single pixel{'s' * (count != 1)}"


_PARTS = {
    "size": _number(Count, "size", 4),
    "value": _each("value", 1, 1, "g"),
    "corner": _text("corner", "bottom_right"),
    "top": _number(Integer, "top", -4),
    "left": _number(Integer, "left", -4),
    "places": _places,
    "alpha": _number(Share, "alpha", 0.2, 100),
    "direction": _text("direction", "horizontal"),
    "frequency": _number(Number, "frequency", 6.0),
    "stripes": _each("amplitude", 0.15, 100, ".4g"),
    "faint": _each("amplitude", 0.1, 100, ".4g"),
    "strength": _number(Number, "strength", 0.75),
    "points": _number(Count, "points", 4),
    "share": _number(Share, "share", 0.04, 100),
}
