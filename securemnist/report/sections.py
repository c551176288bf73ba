"""The sections of the page: the rows of one family, and what there is to see of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from securemnist.report.figure import Exhibit
from securemnist.report.figures import exhibits, not_recorded
from securemnist.report.rows import Row
from securemnist.results.families import FAMILIES
from securemnist.results.findings import Finding, Verdict
from securemnist.sanitize import line
from securemnist.view.wording import SEVERITY, SYMBOLS

_LEFT_OUT = "Left out to keep this page small; assessment.json holds the numbers."
_NOTHING = (Exhibit(kind="none", title="Pictures", missing=_LEFT_OUT),)
ROOM = 1_600_000  # characters of pictures and tables on a page; the page stays below 3 MiB
_LEAST = 50_000  # with less room than a large picture needs, none is drawn


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many rows came to one verdict."""

    kind: str
    symbol: str
    word: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A row with what there is to see of it: the first pictures at once, the others folded."""

    row: Row
    exhibits: tuple[Exhibit, ...]
    absent: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Section:
    """One family of rows, each with its own pictures; `closest` is the hardest test."""

    anchor: str
    name: str
    introduction: str
    counts: tuple[Count, ...]
    rows: tuple[Shown, ...]
    closest: Row


def sections(pairs: Sequence[tuple[Finding, Row]]) -> list[Section]:
    """Rows in scope by family: the bundled ones in their order, then the others by name."""
    inside = [pair for pair in pairs if pair[1].in_scope]
    found = {finding.family.name: finding.family for finding, _ in inside}
    left = ROOM
    made = []
    for number, name in enumerate(sorted(found, key=_order)):
        rows = [pair for pair in inside if pair[0].family.name == name]
        shown, left = _shown(rows, left)
        family = found[name]
        made.append(
            Section(
                anchor=f"family-{number}-{re.sub('[^a-z0-9]+', '-', name.lower()[:30])}",
                name=line(family.title or name, 60) or "other",
                introduction=line(family.introduction, 300),
                counts=counts([finding.verdict for finding, _ in rows]),
                rows=tuple(shown[row.anchor] for _, row in rows),
                closest=min(rows, key=_slack)[1],
            )
        )
    return made


def _rank(pair: tuple[Finding, Row]) -> tuple[int, int]:
    """The bad ones first, then those that looked at most."""
    seen = pair[0].measurement
    return SEVERITY.index(pair[0].verdict), -(seen.n if seen else 0)


def _slack(pair: tuple[Finding, Row]) -> tuple[int, float]:
    """How far the value is on the good side, as a share of the way that there is."""
    row, seen = pair[0].requirement, pair[0].measurement
    if seen is None or row.threshold in (0, 1):
        slack = 0.0 if seen is None else 1.0
    elif row.at_least is not None:
        slack = (seen.value - row.threshold) / (1 - row.threshold)
    else:
        slack = (row.threshold - seen.value) / row.threshold
    return SEVERITY.index(pair[0].verdict), slack


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


def _shown(rows: Sequence[tuple[Finding, Row]], left: int) -> tuple[dict[str, Shown], int]:
    """The rows with their exhibits, the bad ones served first while there is room."""
    shown = {}
    for finding, row in sorted(rows, key=_rank):
        kept = []
        for exhibit in exhibits(finding) if left > _LEAST else _NOTHING:
            fits = exhibit.size <= left
            left -= exhibit.size if fits else 0
            empty = Exhibit(kind=exhibit.kind, title=exhibit.title, missing=_LEFT_OUT)
            kept.append(exhibit if fits else empty)
        absent = not_recorded(finding)
        shown[row.anchor] = Shown(row=row, exhibits=tuple(kept), absent=absent)
    return shown, left


def _order(name: str) -> tuple[int, str]:
    known = list(FAMILIES)
    return (known.index(name) if name in known else len(known), name)
