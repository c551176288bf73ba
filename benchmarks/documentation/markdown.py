"""Pieces of the generated pages."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

MADE_BY = "Made by `python -m benchmarks.documentation` from the code."
_CODE_WITH_LINE = re.compile(r"`([^`]*\|[^`]*)`")


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; a vertical line inside a cell is escaped."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, cells))} |" for cells in lines) + "\n"


def toml(value: Any) -> str:
    """A value as a policy writes it; a hyphen for a key that is left out."""
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {toml(one)}' for key, one in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value)


def _cell(text: str) -> str:
    # Renderers differ in a backslash before a line within code.
    plain = _CODE_WITH_LINE.sub(_as_html, " ".join(text.split()))
    return plain.replace("|", "\\|")


def _as_html(code: re.Match[str]) -> str:
    return f"<code>{html.escape(code[1]).replace('|', '&#124;')}</code>"
