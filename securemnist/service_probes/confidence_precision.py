"""Precision of confidences: few decimals, so that queries reveal less to model extraction."""

from __future__ import annotations

from decimal import Decimal

from securemnist.results.evidence.service import ServiceCheck
from securemnist.service_probes.answers import ask
from securemnist.service_probes.reply import check
from securemnist.service_probes.target import Target

_DECIMALS = 4
_IMAGES = 32


def confidence_precision(target: Target) -> list[ServiceCheck]:
    """The most decimals in any output for 32 images, and for one; labels have none."""
    asked = [ask(target, target.images[:count]) for count in (_IMAGES, 1)]
    texts = [text for answers in asked for text in answers.numbers]
    if not texts:
        return [check("scores", True, "labels, or rounded scores", "labels only")]
    most = max(_decimals(text) for text in texts)
    largest = max(abs(float(text)) for text in texts)
    return [
        check("decimals", most <= _DECIMALS, f"at most {_DECIMALS}", most),
        # Logits of 12.3456 have more decimals than a share of 0.1235, and no fixed range.
        check("the largest score", largest <= 1, "a share of 1 at most", f"{largest:.6g}"),
    ]


def _decimals(text: str) -> int:
    exponent = Decimal(text).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 99
