"""What a row about a defence claims, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from securemnist.results.json_model import read
from securemnist.sanitize import line


def behind(settings: Mapping[str, Any]) -> str:
    """` behind jpeg (quality 50)`; "" without a defence."""
    if settings.get("defence") is None:
        return ""
    defence = read(Mapping[str, Any], settings["defence"])
    others = ", ".join(f"{key} {value}" for key, value in defence.items() if key != "use")
    options = f" ({line(others, 60)})" if others else ""
    return f" behind {line(defence['use'], 60)}{options}"


def naive(settings: Mapping[str, Any]) -> str:
    """`PGD`: the attack that does not know the defence."""
    return line(read(Mapping[str, Any], settings.get("naive", {"use": "PGD"}))["use"], 60)
