"""The line of each row in the text of a policy, as an assessment stores it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping

from securemnist._util.parsing import toml_skeleton, toml_table
from securemnist.errors import ParseError

_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*requirement[ \t]*\]\]", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
_ID = re.compile(r"^[ \t]*id[ \t]*=", re.MULTILINE)
# A row inside an array of inline tables, where lines do not begin with its key.
_INLINE = re.compile(r"""(?:^|[{,\s])id[ \t]*=[ \t]*(["'])([A-Za-z0-9][\w.-]{0,63})\1""", re.ASCII)


def row_lines(text: str) -> dict[str, int]:
    """The number of the line, from 1, on which each row has its id; text that is no policy has none."""
    try:
        rows = toml_table(text).get("requirement")
    except ParseError:
        return {}
    tables = rows if isinstance(rows, list) else []
    ids = [str(row.get("id")) for row in tables if isinstance(row, Mapping)]
    skeleton = toml_skeleton(text)
    starts = [header.end() for header in _HEADER.finditer(skeleton)]
    if len(starts) == len(ids):
        places = {row: _place(skeleton, at) for row, at in zip(ids, starts, strict=True)}
        return _lines(skeleton, places)
    inline = {found[2]: found.start(1) for found in reversed([*_INLINE.finditer(text)])}
    return _lines(text, {row: inline[row] for row in ids if row in inline})


def _place(skeleton: str, start: int) -> int:
    """Where the key `id` of the table that begins at `start` is; its header where it has none."""
    after = _TABLE.search(skeleton, skeleton.find("\n", start) + 1 or len(skeleton))
    key = _ID.search(skeleton, start, after.start() if after else len(skeleton))
    return start if key is None else key.end()


def _lines(text: str, places: Mapping[str, int]) -> dict[str, int]:
    breaks = [found.start() for found in re.finditer("\n", text)]
    return {row: bisect_left(breaks, place) + 1 for row, place in places.items()}
