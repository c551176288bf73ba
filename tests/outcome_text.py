"""Outcome codes as text: x misclassified, c certified, . survived, ? not attempted.

A digit is the index of the stage that broke the image; labels and predictions are digits, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from securemnist.results import per_image
from securemnist.results.evidence.attack import AttackEvidence

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


def decoded(codes: np.ndarray) -> str:
    """Outcome codes (n,) as text."""
    return "".join(_TEXT.get(code, str(code)) for code in codes.tolist())


def outcomes(table: dict[str, Any]) -> AttackEvidence:
    """Evidence with this table of outcomes."""
    return AttackEvidence.from_json({"outcomes": table})


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
