"""Numbers as every page and text shows them, and counts of rows by verdict or word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

NONE = "\N{EN DASH}"  # also: no number


def share(value: float | None) -> str:
    """`0.9904`; a dash where there is none."""
    return NONE if value is None else f"{value:.4f}"


def percent(share: float | None) -> str:
    """`98.9 %`; a dash where there is none."""
    return NONE if share is None else f"{100 * share:.1f} %"


def number(value: float, unit: str = "share") -> str:
    """A value as the finding's sentence prints it."""
    return f"{value:.4f}" if unit in ("share", "ratio") else f"{value:g}"


def plural(count: int, noun: str) -> str:
    """`1 row`, `2 rows`, `31,000 rows`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


class Count(NamedTuple):
    """The number of rows of one verdict or word, and the word's symbol."""

    word: StrEnum
    symbol: str
    number: int


def counts(words: Iterable[StrEnum], symbols: Mapping[Any, str]) -> tuple[Count, ...]:
    """A count of each word that occurs, in the order of `symbols`."""
    numbers = Counter(words)
    return tuple(
        Count(word, sign, numbers[word]) for word, sign in symbols.items() if word in numbers
    )
