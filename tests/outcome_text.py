"""Outcome codes as text: x misclassified, c certified, . survived, ? not attempted.

A digit is the index of the stage that broke the image; labels and predictions are digits, too.
"""

from __future__ import annotations

from typing import Any

from securemnist.results import per_image

_CODES = {
    "x": per_image.MISCLASSIFIED,
    "c": per_image.CERTIFIED,
    ".": per_image.SURVIVED,
    "?": per_image.NOT_ATTEMPTED,
}
_TEXT = {code: text for text, code in _CODES.items()}


def encoded(text: str) -> str:
    """The codes of a text, as evidence holds them."""
    return per_image.encode([_CODES.get(c, int(c) if c.isdigit() else 0) for c in text])


def decoded(array: str) -> str:
    """The text of codes in evidence; inverse of `encoded`."""
    codes = per_image.decode(array, low=per_image.NOT_ATTEMPTED, high=9)
    return "".join(_TEXT.get(code, str(code)) for code in codes.tolist())


def table(labels: str, codes: str, stages: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """Outcomes with these labels and codes, as evidence holds them."""
    return {
        "order": f"all {len(codes)}",
        "places": "",
        "stages": stages or [],
        "labels": encoded(labels),
        "codes": encoded(codes),
        **more,
    }
