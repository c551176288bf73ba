"""Figures: the seconds in the tables of a benchmark page, by name, for the history."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SECONDS = re.compile(r"^(\d+\.\d+) \(\d+\.\d+-\d+\.\d+\)$")


def seconds(lines: Iterable[str]) -> dict[str, float]:
    """`{"FGSM, baseline: securemnist": 2.52}`: the first cell of a row with a median and a range."""
    title, found = "", {}
    for text in lines:
        if text.startswith("### "):
            title = text.removeprefix("### ").strip()
        cells = [cell.strip() for cell in text.strip("|").split("|")] if text[:1] == "|" else []
        timed = next((match for cell in cells[1:] if (match := _SECONDS.match(cell))), None)
        if timed:
            found[f"{title}: {cells[0]}"] = float(timed[1])
    return found
