"""Bodies as JSON: the long list of numbers by a fast parser, everything around it by a strict one.

`json.loads` with checks of duplicate keys takes 20 ms for 64 digits. So the value of `"data"` is cut
out, and what remains is a few hundred bytes. A quote before `data` that follows a backslash is not cut.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

import pydantic_core

from securemnist._util.parsing import json_object
from securemnist.errors import ParseError

_DATA = re.compile(rb'(?<!\\)"data"[ \t\r\n]*:[ \t\r\n]*(\[[\[\]0-9eE+\-., \t\r\n]*\])')
_LONG = re.compile(rb"[0-9]{40}")
_DEPTH, _VALUES = 8, 200


def parsed(body: bytes, *, most_numbers: int) -> dict[str, Any]:
    """The object in `body`, whose `data` may have up to `most_numbers` numbers.

    ParseError for nesting of more than 8, duplicate keys, NaN, and numbers of 40 figures or more.
    """
    found = _DATA.search(body)
    if found is None:
        return _with_data(json_object(body, values=_VALUES, depth=_DEPTH), "", None)
    # No client can send this text, since it is drawn anew each time.
    stand_in = secrets.token_hex(16)
    rest = body[: found.start(1)] + f'"{stand_in}"'.encode() + body[found.end(1) :]
    table = json_object(rest, values=_VALUES, depth=_DEPTH)
    return _with_data(table, stand_in, _numbers(found[1], most_numbers))


def _with_data(table: dict[str, Any], stand_in: str, numbers: Any) -> dict[str, Any]:
    """The numbers in their place; None as the data of an input that is no list of numbers."""
    inputs = table.get("inputs")
    for one in inputs if isinstance(inputs, list) else ():
        if isinstance(one, dict) and "data" in one:
            cut = numbers is not None and one["data"] == stand_in
            one["data"] = numbers if cut else None
    return table


def _numbers(text: bytes, most: int) -> Any:
    if text.count(b",") >= most or text.count(b"[") > most:
        raise ParseError("more numbers than images of this request can have")
    if _LONG.search(text):
        raise ParseError("a number of more than 40 figures")
    try:
        return pydantic_core.from_json(text, allow_inf_nan=False, cache_strings=False)
    except ValueError:
        raise ParseError("a list of numbers that is not JSON") from None
