"""The README: its table of families names the rows of the bundled policy."""

from __future__ import annotations

import re
from pathlib import Path

from securemnist._util import resources
from securemnist.measures import MEASURES
from securemnist.results import policy

PAGE = Path(__file__).parents[2] / "README.md"


def _ranges(ids: list[str]) -> list[str]:
    """Ids of the same letters and three or more consecutive numbers as `ADV-01 to ADV-09`."""
    parts: list[list[str]] = []
    for one in ids:
        name, _, number = one.rpartition("-")
        if parts and parts[-1][-1] == f"{name}-{int(number) - 1:02}":
            parts[-1].append(one)
        else:
            parts.append([one])
    return [
        text for part in parts for text in ([f"{part[0]} to {part[-1]}"] if len(part) > 2 else part)
    ]


def render() -> str:
    """The text of the README with the current rows; ValueError for a family that its table lacks."""
    rows: dict[str, list[str]] = {}
    for row in policy.load(resources.POLICY).requirements:
        rows.setdefault(MEASURES[row.measure].family.name, []).append(row.id)
    text = PAGE.read_text(encoding="utf-8")
    for family, ids in rows.items():
        line = re.compile(rf"^(\| `{family}` \|)[^|]*", re.MULTILINE)
        text, count = line.subn(rf"\1 {', '.join(_ranges(sorted(ids)))} ", text)
        if count != 1:
            raise ValueError(f"expected one line of the family {family!r}, got {count}; add it")
    return text
