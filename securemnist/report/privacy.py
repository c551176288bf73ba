"""Exhibit of membership inference: the scores of training and of test images."""

from __future__ import annotations

from securemnist.report.reliability import quantile_lines, quantile_rows
from securemnist.results.evidence.privacy import MembershipEvidence
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Table
from securemnist.view.svg import BAD, GOOD
from securemnist.view.wording import share


def scores(_: Finding, evidence: MembershipEvidence, __: ClassNames) -> Exhibit | None:
    """Quantiles of the scores of training and of test images, with the area of each attack."""
    if evidence.inside is None or evidence.outside is None:
        return None
    areas = ", ".join(f"{line(name, 40)} {area:.4f}" for name, area in evidence.areas.items())
    caption = (
        "The scores below which a share of the images lies, by the strongest attack "
        f"({line(evidence.attack, 40)}). The closer together, the less is learned. Areas: {areas}."
    )
    if evidence.found is not None:
        caption += (
            f" Where 1 % of the test images are taken for training images, {share(evidence.found)} of "
            "the training images are found."
        )
    sides = (("test images", evidence.outside, GOOD, ""), ("training", evidence.inside, BAD, "5 3"))
    rows = quantile_rows(evidence.inside, evidence.outside)
    table = Table(head=("share", "training images", "test images"), rows=rows)
    return Exhibit.drawn(
        "membership",
        "Scores of training and test images",
        caption,
        quantile_lines(sides, caption),
        table,
    )
