"""Bodies as JSON: the long list of numbers by a fast parser, everything around it by a strict one.

The value of `"data"` is cut out, and what remains is a few hundred bytes. A quote before `data` that
follows a backslash may lie in a text and is not cut.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from pydantic_core import from_json

from securemnist._util.parsing import json_object
from securemnist.errors import ParseError

_DATA = re.compile(rb'(?<!\\)"data"[ \t\r\n]*:[ \t\r\n]*(?=\[)')
_NUMBERS = b"0123456789eE+-., \t\r\n[]"
_DEPTH, _VALUES, _BYTES = 8, 200, 16 << 10


def parsed(body: bytes, *, most_numbers: int) -> dict[str, Any]:
    """The object in `body`, whose `data` may have up to `most_numbers` numbers.

    ParseError for nesting of more than 8, duplicate keys, NaN and infinities.
    """
    start, end = _place(body)
    if end <= start:
        return _with_data(_strict(body), "", None)
    # No client can send this text, since it is drawn anew each time.
    stand_in = secrets.token_hex(16)
    rest = b"".join((body[:start], f'"{stand_in}"'.encode(), body[end:]))
    return _with_data(_strict(rest), stand_in, _numbers(body[start:end], most_numbers))


def _strict(rest: bytes) -> dict[str, Any]:
    """The object around the numbers; the checks read it byte by byte, so that its size is limited."""
    if len(rest) > _BYTES:
        raise ParseError(f"more than {_BYTES:,} bytes beside the numbers")
    return json_object(rest, values=_VALUES, depth=_DEPTH)


def _place(body: bytes) -> tuple[int, int]:
    """Where the first list of `data` begins and ends; (0, 0) without one.

    It ends at the last bracket before a text or an object.
    """
    found = _DATA.search(body)
    if found is None:
        return 0, 0
    start = found.end()
    others = (body.find(mark, start) for mark in (b'"', b"{", b"}"))
    limit = min((place for place in others if place >= 0), default=len(body))
    return start, body.rfind(b"]", start, limit) + 1


def _with_data(table: dict[str, Any], stand_in: str, numbers: Any) -> dict[str, Any]:
    """The numbers in their place; None as the data of an input that is no list of numbers."""
    inputs = table.get("inputs")
    for one in inputs if isinstance(inputs, list) else ():
        if isinstance(one, dict) and "data" in one:
            cut = numbers is not None and one["data"] == stand_in
            one["data"] = numbers if cut else None
    return table


def _numbers(text: bytes, most: int) -> Any:
    if text.translate(None, _NUMBERS):
        raise ParseError("something else than numbers in a list of data")
    if text.count(b",") >= most or text.count(b"[") > most:
        raise ParseError("more numbers than images of this request can have")
    try:
        return from_json(text, allow_inf_nan=False, cache_strings=False)
    except ValueError:
        raise ParseError("a list of numbers that is not JSON") from None
