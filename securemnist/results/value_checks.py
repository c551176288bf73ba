"""Checks of single values that come out of a file: the value in its type, or Malformed."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from securemnist.sanitize import line

PIXELS = 28 * 28
MOST = 10**9


class Malformed(ValueError):
    """A piece of evidence is there, but not of the form that a picture can be made of."""


def items(value: Any, what: str, length: int | None = None) -> list[Any]:
    """A list, of `length` entries where that is given."""
    if not isinstance(value, list | tuple) or (length is not None and len(value) != length):
        raise Malformed(f"{line(what, 40)}: expected a list{f' of {length}' if length else ''}")
    return list(value)


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """Names with values."""
    if not isinstance(value, Mapping):
        raise Malformed(f"{what}: expected names with values, got {type(value).__name__}")
    return value


def whole(value: Any, what: str, high: int = MOST) -> int:
    """A whole number in [0, high]; `true` is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
        raise Malformed(f"{what}: expected a whole number from 0 to {high}, got {line(value, 20)}")
    return value


def real(value: Any, what: str, high: float = MOST, low: float = 0.0) -> float:
    """A finite number in [low, high]."""
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not low <= value <= high:  # NaN is in no interval
        raise Malformed(f"{what}: expected a number in [{low:g}, {high:g}], got {line(value, 20)}")
    return float(value)


def pixels(value: Any, what: str) -> bytes:
    """784 bytes out of their base64."""
    try:
        content = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        content = b""
    if len(content) != PIXELS:
        raise Malformed(f"{what}: expected {PIXELS} pixels in base64, got something else")
    return content
