"""One exhibit: a picture or a gallery, its words and, always, its numbers as a table."""

from __future__ import annotations

from dataclasses import dataclass

from securemnist.report.evidence import Digit
from securemnist.report.words import plural


@dataclass(frozen=True, kw_only=True)
class Table:
    """The numbers of an exhibit; the first cell of a row names it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    prose: bool = False


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One digit of a gallery: before, after and the difference, as data URIs, and what it is."""

    digit: Digit
    clean: str
    changed: str
    difference: str


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """One thing to look at.

    `picture` is an SVG element, safe to stand in the page; `missing` says why there is none.
    """

    title: str
    caption: str = ""
    picture: str = ""
    tiles: tuple[Tile, ...] = ()
    table: Table | None = None
    missing: str = ""


def of_total(shown: int, total: int, noun: str) -> str:
    """`12 of 40 digits.`, or `40 digits.` where all are shown."""
    return f"{shown:,} of {plural(total, noun)}." if shown < total else f"{plural(total, noun)}."
