"""What a row of privacy claims, in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from securemnist.results.findings import Requirement
from securemnist.results.json_model import read
from securemnist.results.value_types import Count, Flag


def _membership(row: Requirement) -> str:
    area = f"an AUROC of at most {row.threshold:g}; 0.5 is chance"
    return f"Scores tell training images from test images with {area}."


def _extraction(row: Requirement) -> str:
    """`A copy trained on 5,000 answers agrees with the model on at most 90 % of the images`."""
    queries = read(Count, row.settings.get("queries", 5_000))
    answers = "classes" if read(Flag, row.settings.get("labels_only", False)) else "answers"
    bound = f"at most {100 * row.threshold:.4g}\N{NO-BREAK SPACE}%"
    copy = f"A copy trained on {queries:,} {answers} agrees with the model"
    return f"{copy} on {bound} of the test images."


PRIVACY: Mapping[str, Callable[[Requirement], str]] = {
    "membership_auroc": _membership,
    "extraction_agreement": _extraction,
}
