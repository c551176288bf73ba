"""Counts of rows by verdict or by the word of a comparison."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple


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
