"""The form every error of this package has."""

from __future__ import annotations


def one_sentence(error: BaseException) -> str:
    """The text of an error, which is one line of reasonable length that ends in advice."""
    text = str(error)
    assert "\n" not in text, text
    assert len(text) < 500, text[:500]
    assert "; " in text, f"no advice in: {text}"
    return text
