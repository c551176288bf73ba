"""Estimated times in words."""

from __future__ import annotations

import pytest

from securemnist._util.duration import rounded


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "under 15 s"), (14.9, "under 15 s"), (89.4, "about 89 s"), (150.0, "about 2 min")],
)
def test_estimates_are_rounded(seconds: float, words: str) -> None:
    """Up to 15 seconds are one text; below 90 the text is in seconds, above in minutes."""
    assert rounded(seconds) == words
