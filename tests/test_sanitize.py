"""Text from outside is cleaned before any output sees it."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from securemnist.sanitize import block, line
from tests.report import hostile


@given(st.text(max_size=400))
def test_nothing_invisible_is_left(text: str) -> None:
    """Whatever comes in, a line holds only characters that can be seen, and spaces."""
    assert line(text).isprintable()


@given(st.text(max_size=400))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    """A cleaned block is clean."""
    assert block(block(text)) == block(text)


def test_ordinary_text_is_left_alone() -> None:
    """Letters of any script, accents and emoji pass."""
    text = "naïve Größe, 数字 7, 🦊 ≥ 0.85"
    assert line(text) == text


def test_control_characters_become_pictures() -> None:
    """An escape sequence is shown instead of obeyed."""
    assert line("\x1b[31mred\x00") == "␛[31mred␀"


def test_reordering_characters_are_named() -> None:
    """A right-to-left override is shown by its code point."""
    assert line("\u202etxt.exe") == "<U+202E>txt.exe"


def test_a_tower_of_marks_is_cut_down() -> None:
    """No more than three marks stand on a letter; the others are named beside it."""
    shown = line(hostile.TOWER)
    assert sum(unicodedata.category(char) == "Mn" for char in shown) == 3


def test_a_long_line_says_how_long_it_was() -> None:
    """A text over the limit ends with the number of its characters."""
    assert line("x" * 10_000, 10) == "xxxxxxxxxx… (10,000 characters)"


def test_a_line_has_no_breaks_and_a_block_keeps_them() -> None:
    """Line breaks become spaces in a line and stay in a block."""
    assert line("a\r\n\tb\u00a0c") == "a b c"
    assert block("a\r\n\tb\rc") == "a\n\tb␍c"


def test_a_block_is_cut_too() -> None:
    """A policy of any size leaves a page that opens."""
    assert block("y" * 50, 10) == "y" * 10 + "\n… (50 characters)"


def test_a_value_that_is_no_text_is_shown_as_one() -> None:
    """Numbers and nothing at all are printed as Python prints them."""
    assert (line(7), line(None), block(1.5)) == ("7", "None", "1.5")
