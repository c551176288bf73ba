"""The README: its table of families names the rows of the bundled policy."""

from __future__ import annotations

import re
from pathlib import Path

from securemnist._util import resources
from securemnist.measures import MEASURES
from securemnist.results import policy

PAGE = Path(__file__).parents[2] / "README.md"


def render() -> str:
    """The text of the README with the current rows; ValueError for a family that its table lacks."""
    rows: dict[str, list[str]] = {}
    for row in policy.load(resources.POLICY).requirements:
        rows.setdefault(MEASURES[row.measure].family.name, []).append(row.id)
    text = PAGE.read_text(encoding="utf-8")
    for family, ids in rows.items():
        line = re.compile(rf"^(\| `{family}` \|)[^|]*", re.MULTILINE)
        text, count = line.subn(rf"\1 {', '.join(ids)} ", text)
        if count != 1:
            raise ValueError(f"expected one line of the family {family!r}, got {count}; add it")
    return text
