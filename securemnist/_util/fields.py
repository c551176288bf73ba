"""Fields: whether the values in a dataclass are of the types that it names. Standard library only.

For what was read from a file: JSON has the right keys long before it has the right values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints


def misfits(value: object, name: str = "") -> Iterator[str]:
    """The names of fields, `findings.requirement.id`, that hold another type; nested ones, too."""
    for field, hint in get_type_hints(type(value)).items():
        yield from _misfits(getattr(value, field), hint, f"{name}.{field}".removeprefix("."))


def _misfits(value: object, hint: Any, name: str) -> Iterator[str]:
    origin = get_origin(hint) or hint
    if origin is Any:
        return
    if origin is UnionType:  # those of our dataclasses are all `X | None`
        if value is not None:
            yield from _misfits(value, get_args(hint)[0], name)
    elif not _is(value, origin):
        yield name
    elif origin is tuple:
        for item in value if isinstance(value, tuple) else ():
            yield from _misfits(item, get_args(hint)[0], name)
    elif is_dataclass(value):
        yield from misfits(value, name)


def _is(value: object, kind: type) -> bool:
    if kind in (int, float):  # a bool is an int to Python, and no number to us
        return isinstance(value, int | kind) and not isinstance(value, bool)
    return isinstance(value, kind)
