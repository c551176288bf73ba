"""Estimated times in words."""

from __future__ import annotations

_SHORT = 15  # seconds that are one text


def rounded(seconds: float) -> str:
    """`under 15 s`, `about 40 s`, `about 3 min`.

    An estimate leaves out some seconds, such as those of a start or a report.
    """
    if seconds < _SHORT:
        return f"under {_SHORT} s"
    return f"about {seconds:.0f} s" if seconds < 90 else f"about {seconds / 60:.0f} min"
