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
    """The most decimals in any output for 32 images, and for one; labels have none.

    Scores as whole numbers, such as 987654 of a million, are larger than labels.
    """
    asked = [ask(target, target.images[:count]) for count in (_IMAGES, 1)]
    classes = range(target.spec.classes)
    others = [one for answers in asked for one in answers.whole if one not in classes]
    found = f"{others[0]}, which is none" if others else "labels"
    labels = check("whole numbers", not others, f"labels below {len(classes)}", found)
    texts = [text for answers in asked for text in answers.numbers]
    if not texts:
        return [check("scores", True, "labels, or rounded scores", "labels only"), labels]
    most = max(_decimals(text) for text in texts)
    largest = max(abs(float(text)) for text in texts)
    return [
        check("decimals", most <= _DECIMALS, f"at most {_DECIMALS}", most),
        # Logits of 12.3456 have more decimals than a share of 0.1235, and no fixed range.
        check("the largest score", largest <= 1, "a share of 1 at most", f"{largest:.6g}"),
        labels,
    ]


def _decimals(text: str) -> int:
    exponent = Decimal(text).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 99
