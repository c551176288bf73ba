"""Settings of a row as they are stored: one spelling of each key, and numbers for fractions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from securemnist.epsilon import parse_epsilon, parse_epsilon_text
from securemnist.errors import UsageError

FORMER_NAMES = {"digits": "images"}
_IN_PIXELS = ("threat", "threats", "attack", "curve")


def normalised(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with `digits` as `images`, and "8/255" as a number in threats, attack and curve.

    A text like "linf:0.1" in `threats` becomes the table of that threat.
    UsageError where both names of a setting are given. Other values stay as they are.
    """
    renamed: dict[str, Any] = {}
    for key, value in settings.items():
        name = FORMER_NAMES.get(key, key)
        if name in renamed or (name != key and name in settings):
            raise UsageError(
                f"expected `{name}` once, got `{key}`, its former name, too; remove it"
            )
        if name == "threats" and isinstance(value, list):
            value = [_table(one) for one in value]
        renamed[name] = _number(value) if name in _IN_PIXELS else value
    return renamed


def _table(threat: Any) -> Any:
    """The table {norm, eps} of a text NORM:EPS; any other value unchanged."""
    norm, colon, eps = threat.partition(":") if isinstance(threat, str) else ("", "", "")
    try:
        number = parse_epsilon_text(eps)
    except ValueError:
        return threat
    return {"norm": norm, "eps": number} if colon else threat


def _number(value: Any) -> Any:
    """A fraction as a number, also within a list or a table; any other value unchanged."""
    if isinstance(value, Mapping):
        return {key: _number(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_number(part) for part in value]
    if not isinstance(value, str):
        return value
    try:
        return parse_epsilon(value)
    except ValueError:
        return value
