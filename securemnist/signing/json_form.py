"""JSON of signatures, from outside: bounded, strict, with base64 in its only form."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from securemnist._util.files import expecting, read_at_most
from securemnist._util.parsing import json_object
from securemnist._util.strict import Strict
from securemnist.errors import ParseError, SignatureError, UsageError

MAX_BYTES = 16 << 20
_MAX_VALUES = 200_000
_MAX_DEPTH = 16
ADVICE = "do not use the files, or sign them again"


class Closed(Strict):
    """An object that no signature covers: an unknown key is refused."""


class Open(BaseModel):
    """An object within a signed payload: in-toto has readers ignore unknown keys."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


_Model = TypeVar("_Model", bound=BaseModel)


def parsed(content: bytes, form: type[_Model], what: str) -> _Model:
    """`content` as an object of this form; SignatureError for anything else."""
    try:
        table = json_object(content, values=_MAX_VALUES, depth=_MAX_DEPTH)
    except ParseError as error:
        raise SignatureError(f"{what}: expected JSON, got {error}; {ADVICE}") from error
    return validated(table, form, what)


def validated(table: Mapping[str, Any], form: type[_Model], what: str) -> _Model:
    """A table of JSON as an object of this form; SignatureError for anything else."""
    try:
        return form.model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SignatureError(
            f"{what}: expected another {where or 'form'} ({first['msg']}); {ADVICE}"
        ) from error


def decoded(text: str, what: str) -> bytes:
    """The bytes of a base64 text; SignatureError where another text would give the same bytes."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        content = b""
    if not content or encoded(content) != text:
        raise SignatureError(f"expected {what} in base64, got something else; {ADVICE}")
    return content


def encoded(content: bytes) -> str:
    """Bytes as base64 text."""
    return base64.b64encode(content).decode()


def read(path: Path, what: str, most: int = MAX_BYTES) -> bytes:
    """Content of a file of at most `most` bytes; UsageError where it cannot be read."""
    with expecting(path, what, "name another"):
        return read_at_most(path, most)


def refuse_other_file(path: Path, form: type[BaseModel], what: str) -> None:
    """UsageError where a file at `path`, which would be replaced, is none of this form."""
    try:
        parsed(read_at_most(path, MAX_BYTES), form, what)
    except FileNotFoundError:
        return
    except (OSError, SignatureError) as error:
        raise UsageError(
            f"{path}: expected no file, or {what} to replace, got another file, which is kept; name "
            "another with --out"
        ) from error
