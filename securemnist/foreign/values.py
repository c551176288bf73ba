"""What a pickle would build, as triage sees it: names, calls, storages and containers, never objects."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class Container(enum.Enum):
    """A container whose content triage does not follow."""

    LIST = "list"
    DICT = "dict"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Name:
    """A global that the pickle names."""

    module: str
    name: str

    @property
    def pair(self) -> tuple[str, str]:
        return self.module, self.name

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """The result of a call of a name."""

    by: Name


@dataclass(frozen=True, slots=True)
class Storage:
    """The storage of a tensor: its key, the bytes of one value, and the number of values."""

    key: str
    item: int
    count: int


# Anything else: a float, None, a frozenset, a result that triage refused.
OTHER = object()
# str, bytes, int, bool, and tuples of values stand for themselves.
Value = Any
