"""JSON and TOML from outside, with limits on time and memory.

Size, encoding, nesting and the number of values are checked before parsing. Input that parsers
interpret differently is refused: duplicate keys, NaN, infinities, very long numbers. Every refusal
is a ParseError that completes the sentence "expected JSON, got ...".
"""

from __future__ import annotations

import itertools
import json
import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from securemnist._util.files import read_or_raise
from securemnist.errors import ParseError, UsageError

MAX_DEPTH = 64
# A JSON value takes about 100 bytes of memory in Python, a TOML table about 1,000.
MAX_VALUES = 500_000
MAX_TOML_BYTES = 1 << 20
MAX_TOML_PARTS = 20_000
_MAX_DIGITS = 300
# Closed strings and an unclosed one; possessive quantifiers read each byte once.
_JSON_STRINGS = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
# No possessive groups: Python 3.11.2 matches these strings wrongly with them.
_TOML_OPAQUE = re.compile(
    r'"""[^"\\]*+(?:(?:\\.|"{1,2}(?!"))[^"\\]*+)*(?:"{3,5}|\\?\Z)'
    r"|'''[^']*+(?:'{1,2}(?!')[^']*+)*(?:'{3,5}|\Z)"
    r'|"[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*"?'
    r"|'[^'\n]*+'?"
    r"|\#[^\n]*+",
    re.DOTALL,
)
# Most dotted parts of one key; tomllib needs memory quadratic in their number.
_MAX_DOTS = 16
_DOTTED = re.compile(rf"(?<![\w\"-])(?:[\w\"-]++[ \t]*+\.[ \t]*+){{{_MAX_DOTS},}}")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
# What is often meant where tomllib refuses a line, by a pattern of it without its strings.
_TOML_PLACE = re.compile(r"at line (\d++), column")
_TOML_ADVICE = {
    re.compile(r"=\s*+\d++\s*+/\s*+\d"): 'a fraction stands in quotes, such as "8/255"',
    re.compile(r"=\s*+[\d.]++\s*+%"): "a share is a number, such as 0.93, not a percentage",
    re.compile(r"=\s*+\d*+,\d"): "decimals are written with a point, such as 0.93",
    re.compile(r"^\s*+\[[^\]]++\]"): "several tables of one name begin with [[name]] each",
}
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def decoded(content: bytes) -> str:
    """UTF-8 text without a byte order mark; ParseError otherwise."""
    if content.startswith(_BOMS):
        name = "UTF-8" if content.startswith(_BOMS[0]) else "UTF-16"
        raise ParseError(f"a {name} byte order mark at its start (save it as UTF-8 without one)")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ParseError(f"bytes that are not UTF-8 text ({error})") from error


def lenient_text(content: bytes) -> str:
    """Text to search for words: UTF-8, or UTF-16 by its byte order mark; other bytes are replaced."""
    encoding = "utf-16" if content.startswith(_BOMS[1:]) else "utf-8-sig"
    return content.decode(encoding, errors="replace")


def json_value(
    content: bytes, *, values: int = MAX_VALUES, depth: int = MAX_DEPTH, decimal_text: bool = False
) -> Any:
    """The JSON value in `content` (UTF-8); ParseError where it is refused.

    `values` limits the number of keys, items and containers, `depth` their nesting. With
    `decimal_text`, a number with a point or an exponent is the text that was sent.
    """
    text = decoded(content)
    if not text.strip():
        raise ParseError("an empty text")
    if text.lstrip().startswith("<"):
        raise ParseError("a page in HTML or XML")
    # Removing strings takes memory for each of them, so their number is checked first.
    if content.count(b'"') - content.count(b'\\"') > 2 * values + 2:
        raise ParseError(f"more than {values:,} values")
    skeleton = _JSON_STRINGS.sub(b'""', content)
    _check_size(skeleton, ",:[{", values)
    _check_depth(skeleton, depth)
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_int=_whole,
            parse_float=_decimal_text if decimal_text else _finite,
            parse_constant=_no_constant,
        )
    except RecursionError as error:
        raise ParseError(f"more than {depth} levels") from error
    except ParseError:
        raise
    except ValueError as error:
        raise ParseError(f"{error}") from error


def json_object(
    content: bytes, *, values: int = MAX_VALUES, depth: int = MAX_DEPTH
) -> dict[str, Any]:
    """The same as `json_value`, for content that has to be an object."""
    value = json_value(content, values=values, depth=depth)
    if not isinstance(value, dict):
        raise ParseError(f"{type(value).__name__}, not an object")
    return value


def toml_table(
    text: str, *, characters: int = MAX_TOML_BYTES, parts: int = MAX_TOML_PARTS
) -> dict[str, Any]:
    """The tables of a TOML text; ParseError over 1 MiB, over 20,000 keys and tables, or too deep.

    `characters` and `parts` are other bounds of its size.

    Integers have at most 64 bits. NaN and infinities are legal in TOML; the reader refuses them,
    because it can name the row.
    """
    if len(text) > characters:
        raise ParseError(f"more than {characters:,} characters")
    if text.startswith("\ufeff"):
        raise ParseError("a byte order mark at its start (save it as UTF-8 without one)")
    skeleton = toml_skeleton(text)
    packed = skeleton.encode(errors="replace")
    _check_size(packed, ".=[{,", parts)
    _check_depth(packed, MAX_DEPTH)
    if _DOTTED.search(skeleton):
        raise ParseError(f"a key of more than {_MAX_DOTS} dotted parts")
    try:
        table = tomllib.loads(text)
    except RecursionError as error:
        raise ParseError("tables that nest too deep") from error
    except ValueError as error:
        raise ParseError(f"{error}{_advice(str(error), skeleton)}") from error
    for name, value in _whole_numbers(table):
        if not -(2**63) <= value < 2**63:
            raise ParseError(f"a whole number of more than 64 bits for {name:.80}")
    return table


def _advice(error: str, skeleton: str) -> str:
    """What is probably meant in the line that an error of tomllib names; empty where unknown."""
    if (place := _TOML_PLACE.search(error)) is None:
        return ""
    line = skeleton.split("\n")[int(place[1]) - 1]
    return next((f" ({what})" for form, what in _TOML_ADVICE.items() if form.search(line)), "")


def toml_skeleton(text: str) -> str:
    """The text with empty strings and without comments; each line keeps its number."""
    return _TOML_OPAQUE.sub(lambda opaque: '""' + "\n" * opaque[0].count("\n"), text)


def _check_size(skeleton: bytes, marks: str, limit: int) -> None:
    """Raise ParseError where the text without its strings holds more than `limit` values."""
    if sum(skeleton.count(mark.encode()) for mark in marks) > limit:
        raise ParseError(f"more than {limit:,} values")


def _check_depth(skeleton: bytes, limit: int) -> None:
    """Raise ParseError where brackets nest more than `limit` deep."""
    brackets = skeleton.translate(None, _NO_BRACKET)
    depths = itertools.accumulate(1 if bracket in b"[{" else -1 for bracket in brackets)
    if max(depths, default=0) > limit:
        raise ParseError(f"brackets that nest more than {limit} deep")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object without duplicate keys: parsers disagree on which of two counts."""
    table = dict(pairs)
    if len(table) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        duplicate = next(key for key in counts if counts[key] > 1)
        raise ParseError(f"duplicate key {duplicate!r:.40}")
    return table


def _whole(digits: str) -> int:
    _check_digits(digits)
    return int(digits)


def _check_digits(digits: str) -> None:
    if len(digits) > _MAX_DIGITS:
        raise ParseError(f"a number of {len(digits)} digits")


def _finite(digits: str) -> float:
    _check_digits(digits)
    value = float(digits)
    if not math.isfinite(value):
        raise ParseError(f"{digits:.40}, which is too large for a float")
    return value


def _decimal_text(digits: str) -> str:
    _finite(digits)
    return digits


def _no_constant(name: str) -> None:
    raise ParseError(f"{name}, which is not a JSON number")


def _whole_numbers(table: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Every integer below a table with the path of its key; iterative."""
    pending: list[tuple[str, Any]] = [("", table)]
    while pending:
        name, value = pending.pop()
        if isinstance(value, dict):
            pending += [(f"{name}.{key}".lstrip("."), item) for key, item in value.items()]
        elif isinstance(value, list):
            pending += [(name, item) for item in value]
        elif isinstance(value, int):
            yield name, value


def toml_file(path: Path, expected: str, raises: type[UsageError] = UsageError) -> dict[str, Any]:
    """The tables of a file; the error `raises` where it cannot be read or is no TOML.

    `expected`: what the file holds, for instance "the description of an endpoint".
    """
    try:
        content = read_or_raise(path, MAX_TOML_BYTES, expected, raises, "name another file")
        return toml_table(decoded(content))
    except ParseError as error:
        raise raises(f"{path}: expected TOML, got {error}; fix it") from error
