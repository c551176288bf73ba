"""The sections of the page: the rows of one family, and what there is to see of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from securemnist.findings import Finding, Verdict
from securemnist.report.exhibit import Exhibit
from securemnist.report.exhibits import exhibits, not_recorded
from securemnist.report.rows import Row
from securemnist.report.text import line
from securemnist.report.words import SEVERITY, SYMBOLS

_LEFT_OUT = "Left out to keep this page small; assessment.json holds the numbers."
_NOTHING = (Exhibit(title="Pictures", missing=_LEFT_OUT),)
ROOM = 1_600_000  # characters of pictures and tables on a page; the page stays below 3 MiB
_LEAST = 50_000  # with less room than a large picture needs, none is drawn

_INTRODUCTIONS = {
    "clean": "Is the model right when nobody attacks it?",
    "adversarial": "Does it stay right when an attacker may change every pixel a little?",
    "certified": "For how many digits is it proved that no such change matters?",
    "backdoor": "Can a small mark on the picture steer the answer?",
    "latency": "Does it answer in the time that its arithmetic explains?",
    "static": "Is the source code free of patterns known to be dangerous?",
}


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many rows came to one verdict."""

    kind: str
    symbol: str
    word: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A row with what there is to see of it."""

    row: Row
    exhibits: tuple[Exhibit, ...]
    absent: tuple[str, ...]
    leads: bool = False


@dataclass(frozen=True, kw_only=True)
class Family:
    """One section. Its `lead` is the row whose pictures stand at the head of it."""

    anchor: str
    name: str
    introduction: str
    counts: tuple[Count, ...]
    lead: Shown | None
    rows: tuple[Shown, ...]


def families(pairs: Sequence[tuple[Finding, Row]]) -> list[Family]:
    """Rows in scope by family: the known ones in their order, then the others by name."""
    names = sorted({finding.family for finding, row in pairs if row.in_scope}, key=_order)
    left = ROOM
    made = []
    for number, name in enumerate(names):
        rows = [(f, r) for f, r in pairs if r.in_scope and f.family == name]
        shown, left = _shown(rows, left)
        seen = [item for item in shown if any(e.picture or e.tiles for e in item.exhibits)]
        first = next((item for item in seen if item.row.kind != "pass"), seen[0] if seen else None)
        made.append(
            Family(
                anchor=f"family-{number}-{re.sub('[^a-z0-9]+', '-', name.lower()[:30])}",
                name=line(name, 60) or "other",
                introduction=_INTRODUCTIONS.get(name, ""),
                counts=counts([finding.verdict for finding, _ in rows]),
                lead=first,
                rows=tuple(replace(item, leads=item is first) for item in shown),
            )
        )
    return made


def counts(verdicts: Sequence[Verdict]) -> tuple[Count, ...]:
    """Verdicts that occur, the bad ones first."""
    seen = Counter(verdicts)
    return tuple(
        Count(kind=kind(v), symbol=SYMBOLS[v], word=v.value, number=seen[v])
        for v in SEVERITY
        if seen[v]
    )


def kind(verdict: Verdict) -> str:
    """The verdict as a class of the style sheet."""
    return verdict.value.lower().replace("_", "-")


def _shown(rows: Sequence[tuple[Finding, Row]], left: int) -> tuple[list[Shown], int]:
    """The rows with their exhibits, the bad ones served first while there is room."""
    seen: dict[str, tuple[Exhibit, ...]] = {}
    for finding, row in sorted(rows, key=lambda pair: SEVERITY.index(pair[0].verdict)):
        kept = []
        for exhibit in exhibits(finding) if left > _LEAST else _NOTHING:
            fits = _size(exhibit) <= left
            left -= _size(exhibit) if fits else 0
            kept.append(exhibit if fits else Exhibit(title=exhibit.title, missing=_LEFT_OUT))
        seen[row.anchor] = tuple(kept)
    return [
        Shown(row=row, exhibits=seen[row.anchor], absent=not_recorded(finding))
        for finding, row in rows
    ], left


def _size(exhibit: Exhibit) -> int:
    tiles = sum(len(t.clean) + len(t.changed) + len(t.difference) + 800 for t in exhibit.tiles)
    cells = sum(len(c) + 10 for row in exhibit.table.rows for c in row) if exhibit.table else 0
    return len(exhibit.picture) + tiles + cells


def _order(name: str) -> tuple[int, str]:
    known = list(_INTRODUCTIONS)
    return (known.index(name) if name in known else len(known), name)
