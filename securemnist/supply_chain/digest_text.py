"""Digests as tables show them."""

from __future__ import annotations

_DIGITS = 16


def shortened(digest: str) -> str:
    """The first 16 digits; comparisons use all of them."""
    return digest if len(digest) <= _DIGITS else f"{digest[:_DIGITS]}..."
