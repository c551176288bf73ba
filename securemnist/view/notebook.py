"""A result as a small card of HTML, as notebooks show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from securemnist.view import jinja

_TEMPLATES = Path(__file__).parent / "templates"
PICTURES = 8  # a card shows no more


@dataclass(frozen=True)
class Bar:
    """A share with its interval, on a line from 0 to 1."""

    value: float
    low: float
    high: float


def card(
    title: str,
    facts: Mapping[str, str],
    *,
    rows: Sequence[Sequence[str]] = (),
    bar: Bar | None = None,
    pictures: Sequence[tuple[str, str]] = (),
) -> str:
    """The HTML of a card; every text is escaped.

    `facts`: text by name. `rows`: the lines of a table. `pictures`: data URIs and their captions.
    """
    visible = pictures[:PICTURES]
    page = jinja.page(
        "card.html.j2", _TEMPLATES, title=title, facts=facts, rows=rows, bar=bar, pictures=visible
    )
    return page.decode()
