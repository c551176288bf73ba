"""One exhibit: pictures or a gallery, their words and, always, their numbers as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from securemnist.view.numbers import plural

_NUMBERS = 6  # characters of two classes without names


@dataclass(frozen=True, kw_only=True)
class Table:
    """The numbers of an exhibit; the first cell of a row names it."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    prose: bool = False


class Panel(NamedTuple):
    """One picture: an SVG element, safe to stand in the page, and its title, which may be empty.

    `large`: wider than a column of the page.
    """

    picture: str
    title: str = ""
    large: bool = False


class Tile(NamedTuple):
    """A test image with its facts, and its pictures as data URIs: clean, changed, difference.

    `true`, `predicted`, `before`: names of classes; `before` is the clean prediction where that is
    another than the true class. `width`, `height`: of the pictures, in pixels.
    """

    image: Any
    pictures: tuple[str, ...]
    true: str
    predicted: str = ""
    before: str = ""
    width: int = 1
    height: int = 1


@dataclass(frozen=True, kw_only=True)
class Exhibit:
    """One thing to look at.

    `kind` says what it shows, so that a section shows each kind once. `missing` says why there is
    nothing to see.
    """

    kind: str
    title: str
    caption: str = ""
    panels: tuple[Panel, ...] = ()
    tiles: tuple[Tile, ...] = ()
    table: Table | None = None
    missing: str = ""

    @classmethod
    def drawn(
        cls, kind: str, title: str, caption: str, picture: str, table: Table | None
    ) -> Exhibit:
        """An exhibit of one picture, an SVG element, and its numbers."""
        return cls(kind=kind, title=title, caption=caption, panels=(Panel(picture),), table=table)

    @property
    def visible(self) -> bool:
        """Whether there is a picture of any kind."""
        return bool(self.panels or self.tiles)

    @property
    def named(self) -> bool:
        """Whether the classes of its images have names that take more room than a number."""
        return any(len(tile.true + tile.predicted) > _NUMBERS for tile in self.tiles)

    @property
    def size(self) -> int:
        """About so many characters it takes on the page."""
        pictures = sum(len(panel.picture) for panel in self.panels)
        tiles = sum(sum(map(len, t.pictures)) + 250 * len(t.pictures) for t in self.tiles)
        cells = sum(len(c) + 10 for row in self.table.rows for c in row) if self.table else 0
        return pictures + tiles + cells


def of_total(count: int, total: int, noun: str) -> str:
    """`12 of 40 images.`, or `40 images.` where all are shown."""
    return f"{count:,} of {plural(total, noun)}." if count < total else f"{plural(total, noun)}."
