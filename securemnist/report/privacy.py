"""Exhibits of privacy: what is learned about the training images, and about the model."""

from __future__ import annotations

from securemnist.report.reliability import quantile_lines, quantile_rows
from securemnist.results.evidence.privacy import ExtractionEvidence, MembershipEvidence
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Table
from securemnist.view.numbers import share
from securemnist.view.svg import BAD, GOOD


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


def copies(_: Finding, evidence: ExtractionEvidence, __: ClassNames) -> Exhibit | None:
    """The agreement of each copy of the model, beside what it can be compared with."""
    if not evidence.agreements:
        return None
    named = {
        **{f"a copy from {line(name, 40)}": one for name, one in evidence.agreements.items()},
        "a copy of a network without defence, from its answers": evidence.reference,
        "the most frequent class alone": evidence.chance,
        f"the copy, on the {evidence.errors:,} errors of the model": evidence.on_errors,
        "the model is right": evidence.accuracy,
        "the copy is right": evidence.copy_accuracy,
        f"adversarial examples for the copy fool the model, eps {evidence.eps or 0:g}": (
            evidence.transferred
        ),
    }
    rows = tuple((name, share(value)) for name, value in named.items())
    caption = (
        f"Copies were trained on {evidence.queries:,} answers to training images without labels. "
        "Shares of test images, and of adversarial examples made on the copy."
    )
    table = Table(head=("what", "share"), rows=rows, prose=True)
    return Exhibit(kind="stolen", title="Copies of the model", caption=caption, table=table)
