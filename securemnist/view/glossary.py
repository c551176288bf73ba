"""Glossary: the terms of reports, policies and commands, each in one or two sentences.

`securemnist explain TERM` prints an entry, and a report ends with the terms that it uses. The texts are
in glossary.toml.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

_TEXTS = Path(__file__).with_name("glossary.toml")


def explain(word: str) -> tuple[str, str] | None:
    """The term as the glossary spells it, and its meaning; None for an unknown term."""
    name = _names().get(_plain(word))
    return None if name is None else (name, _entries()[name][0])


def words() -> tuple[str, ...]:
    """Every term, and its other spellings."""
    return tuple(name for word, (_, also) in _entries().items() for name in (word, *also))


def entries(text: str) -> Iterable[tuple[str, str]]:
    """Term and meaning, in alphabetical order, of the terms that occur in `text` in any spelling."""
    lowered = _plain(text)
    for word in sorted(_entries(), key=str.lower):
        meaning, also = _entries()[word]
        if any(_plain(name) in lowered for name in (word, *also)):
            yield word, meaning


@functools.cache
def _entries() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    table = tomllib.loads(_TEXTS.read_text(encoding="utf-8"))
    return {word: (entry["means"], tuple(entry.get("also", ()))) for word, entry in table.items()}


@functools.cache
def _names() -> Mapping[str, str]:
    """The term of each spelling; a term's own name takes precedence."""
    entries = _entries().items()
    others = {_plain(name): word for word, (_, also) in entries for name in also}
    return {**others, **{_plain(word): word for word in _entries()}}


def _plain(word: str) -> str:
    return " ".join(word.lower().replace("_", " ").split())
