"""JsonModel: base of the dataclasses that are stored as JSON.

pydantic reads and writes them by their annotations. It is imported at the first use only: a run of
pytest without requirements does not wait for it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

from securemnist.sanitize import line


class JsonModel:
    """Base of a frozen dataclass whose fields are its JSON keys.

    Unknown keys, NaN and infinity are refused. Fields of type int, float and bool have to use the
    strict types of `value_types`, because pydantic would convert `"1"` and `true` to numbers.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}

    def to_json(self) -> dict[str, Any]:
        """The value as dicts, lists, tuples, texts and numbers."""
        return cast(dict[str, Any], write(type(self), self))

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The inverse of `to_json`; ValueError in one line for anything else."""
        return cast(Self, read(cls, data))


def read(kind: Any, data: Any) -> Any:
    """`data`, the content of a JSON file, as a value of type `kind`; ValueError in one line."""
    from pydantic import ValidationError

    try:
        return _adapter(kind).validate_python(data)
    except ValidationError as error:
        raise ValueError(_first(error)) from error


def write(kind: Any, value: Any) -> Any:
    """The inverse of `read`: a value of type `kind` as dicts, lists, tuples, texts and numbers."""
    return _adapter(kind).dump_python(value, warnings=False, by_alias=True)


def table(value: object) -> Mapping[str, Any]:
    """A stored value of no fixed form, where it is a table; else an empty one."""
    return value if isinstance(value, Mapping) else {}


def json_schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `to_json` writes of a type."""
    schema: dict[str, Any] = _adapter(kind).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


@functools.cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def _first(error: Any) -> str:
    """Where the first error is and what it is: `findings.0.family: Input should be a valid string`."""
    first = error.errors(include_url=False, include_input=False)[0]
    text = line(first["msg"].removeprefix("Value error, "), 200)
    where = line(".".join(map(str, first["loc"])), 120)
    return f"{where}: {text}" if where else text
