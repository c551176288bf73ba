"""The form of every error message of this package."""

from __future__ import annotations


def one_sentence(error: BaseException) -> str:
    """The text of an error, checked: one line of limited length that ends in advice."""
    text = str(error)
    assert "\n" not in text, text
    assert len(text) < 500, text[:500]
    assert "; " in text, f"no advice in: {text}"
    return text
