"""The stack of a pickle, followed without building anything.

The instructions and their order are those of the pickle virtual machine (PEP 307, PEP 3154, PEP 574).
Each method of `Machine` does to a stack of names, calls, storages and containers what that instruction
does to objects.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from securemnist.foreign.outcome import Reason


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


# A memo of another unpickler is an array: a large index needs memory of that size.
MAX_MEMO = 1 << 22


class Broken(ValueError):
    """A stream that no unpickler reads to its end."""


class Machine:
    """Stack, marks and memo of one pickle, with the storages that it names and the reasons so far."""

    def __init__(self, report: Callable[[Reason], None], *, torch: bool) -> None:
        self.stack: list[Value] = []
        self.marks: list[int] = []
        self.memo: dict[int, Value] = {}
        self.storages: dict[str, Storage] = {}
        self.tensor_bytes = 0
        self.report, self.torch = report, torch

    def push(self, value: Value) -> None:
        self.stack.append(value)

    def pop(self) -> Value:
        """The value on top, removed; not below the last mark."""
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise Broken("an empty stack")
        return self.stack.pop()

    def top(self) -> Value:
        value = self.pop()
        self.push(value)
        return value

    def mark(self) -> None:
        self.marks.append(len(self.stack))

    def pop_mark(self) -> list[Value]:
        """The values above the last mark, removed with it."""
        if not self.marks:
            raise Broken("no mark")
        height = self.marks.pop()
        values = self.stack[height:]
        del self.stack[height:]
        return values

    def discard(self) -> None:
        """Remove the value on top, or the mark that is there."""
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.pop()

    def remember(self, index: int) -> None:
        if not 0 <= index <= MAX_MEMO:
            raise Broken(f"a memo of {index:.3g} entries")
        self.memo[index] = self.top()

    def recall(self, index: int) -> None:
        if index not in self.memo:
            raise Broken("a memo entry that was never stored")
        self.push(self.memo[index])
