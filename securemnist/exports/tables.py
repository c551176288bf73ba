"""Tables and names of an assessment whose form no schema fixes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from securemnist.sanitize import sentence


def table(value: object) -> Mapping[str, Any]:
    """The value, where it is a table; else an empty one."""
    return value if isinstance(value, Mapping) else {}


def name(value: object, otherwise: str, limit: int = 200) -> str:
    """The value as one cleaned line; `otherwise` where nothing of it can be read."""
    return (sentence(value, limit) if value else "") or otherwise
