"""The sections of the page: the rows of one family, and what there is to see of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from securemnist.report.figures import exhibits
from securemnist.report.rows import Row
from securemnist.results.families import FAMILIES
from securemnist.sanitize import line
from securemnist.view.class_names import NUMBERS, ClassNames
from securemnist.view.figure import Exhibit
from securemnist.view.numbers import Count, counts
from securemnist.view.unmeasured_families import family_of
from securemnist.view.wording import SYMBOLS, severity

_LEFT_OUT = "Left out to keep this page small; assessment.json holds the numbers."
_NOTHING = (Exhibit(kind="none", title="Pictures", missing=_LEFT_OUT),)
ROOM = 1_600_000  # characters of pictures and tables on a page; the page stays below 3 MiB
_LEAST = 50_000  # with less room than a large picture needs, none is drawn


@dataclass(frozen=True, kw_only=True)
class Section:
    """One family of rows, each with its exhibits; `closest` is the hardest test."""

    anchor: str
    name: str
    introduction: str
    counts: tuple[Count, ...]
    rows: tuple[tuple[Row, tuple[Exhibit, ...]], ...]
    closest: Row


def sections(rows: Sequence[Row], names: ClassNames = NUMBERS) -> list[Section]:
    """Rows in scope by family: the bundled ones in their order, then the others by name."""
    inside = [row for row in rows if row.finding.in_scope]
    of = {row.anchor: family_of(row.finding) for row in inside}
    families = {family.name: family for family in of.values()}
    left = ROOM
    sections = []
    for number, name in enumerate(sorted(families, key=_order)):
        family = families[name]
        members = [row for row in inside if of[row.anchor].name == name]
        pictures, left = _exhibits(members, names, left)
        sections.append(
            Section(
                anchor=f"family-{number}-{re.sub('[^a-z0-9]+', '-', name.lower()[:30])}",
                name=line(family.title or name, 60) or "other",
                introduction=line(family.introduction, 300),
                counts=counts((row.finding.verdict for row in members), SYMBOLS),
                rows=tuple((row, pictures[row.anchor]) for row in members),
                closest=min(members, key=_slack),
            )
        )
    return sections


def _rank(row: Row) -> tuple[int, int]:
    """The bad ones first, then those that looked at most."""
    measurement = row.finding.measurement
    return severity(row.finding), -(measurement.n if measurement else 0)


def _slack(row: Row) -> tuple[int, float]:
    """How far the value is on the good side, as a share of the way that there is."""
    requirement, measurement = row.finding.requirement, row.finding.measurement
    threshold = requirement.threshold
    if measurement is None or threshold in (0, 1):
        slack = 0.0 if measurement is None else 1.0
    elif requirement.at_least is not None:
        slack = (measurement.value - threshold) / (1 - threshold)
    else:
        slack = (threshold - measurement.value) / threshold
    return severity(row.finding), slack


def _exhibits(
    rows: Sequence[Row], names: ClassNames, left: int
) -> tuple[dict[str, tuple[Exhibit, ...]], int]:
    """The exhibits of each row by its anchor, the bad rows served first while there is room."""
    pictures = {}
    for row in sorted(rows, key=_rank):
        fitting = []
        for exhibit in exhibits(row.finding, names) if left > _LEAST else _NOTHING:
            fits = exhibit.size <= left
            left -= exhibit.size if fits else 0
            empty = Exhibit(kind=exhibit.kind, title=exhibit.title, missing=_LEFT_OUT)
            fitting.append(exhibit if fits else empty)
        pictures[row.anchor] = tuple(fitting)
    return pictures, left


def _order(name: str) -> tuple[int, str]:
    known = list(FAMILIES)
    return (known.index(name) if name in known else len(known), name)
