"""Sanitising of text from outside."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from securemnist.sanitize import block, line
from tests.report import hostile


@given(st.text(max_size=400))
def test_line_has_visible_characters_only(text: str) -> None:
    """A line holds visible characters and spaces only."""
    assert line(text).isprintable()


@given(st.text(max_size=400))
def test_block_is_idempotent(text: str) -> None:
    """A sanitised block does not change again."""
    assert block(block(text)) == block(text)


def test_line_keeps_ordinary_text() -> None:
    """Letters of any script, accents and emoji stay."""
    text = "naïve Größe, 数字 7, 🦊 ≥ 0.85"
    assert line(text) == text


def test_control_characters_become_symbols() -> None:
    """An escape sequence is shown as symbols."""
    assert line("\x1b[31mred\x00") == "␛[31mred␀"


def test_reordering_characters_become_code_points() -> None:
    """A right-to-left override is shown by its code point."""
    assert line("\u202etxt.exe") == "<U+202E>txt.exe"


def test_stacked_marks_are_limited() -> None:
    """At most three marks stay on a letter; the others are shown by code point."""
    shown = line(hostile.TOWER)
    assert sum(unicodedata.category(char) == "Mn" for char in shown) == 3


def test_line_limit_shows_full_length() -> None:
    """A text over the limit ends with its number of characters."""
    assert line("x" * 10_000, 10) == "xxxxxxxxxx… (10,000 characters)"


def test_line_breaks_in_line_and_block() -> None:
    """Line breaks become spaces in a line and stay in a block."""
    assert line("a\r\n\tb\u00a0c") == "a b c"
    assert block("a\r\n\tb\rc") == "a\n\tb␍c"


def test_block_is_limited() -> None:
    """A policy of any size leaves a page that opens."""
    assert block("y" * 50, 10) == "y" * 10 + "\n… (50 characters)"


def test_line_of_other_types() -> None:
    """Numbers and None are printed as Python prints them."""
    assert (line(7), line(None), block(1.5)) == ("7", "None", "1.5")
