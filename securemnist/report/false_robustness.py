"""Exhibits of a defence: accuracy under a naive and an adaptive attack, and images between them."""

from __future__ import annotations

from securemnist.report import gallery
from securemnist.results.evidence.defence import DefenceEvidence
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Table
from securemnist.view.wording import NONE


def both_attacks(_: Finding, evidence: DefenceEvidence, __: ClassNames) -> Exhibit | None:
    """The accuracies under both attacks."""
    naive, adaptive = evidence.naive_accuracy, evidence.adaptive_accuracy
    if naive is None and adaptive is None:
        return None
    rows = (
        (f"{line(evidence.naive, 40) or 'naive attack'}, unaware of the defence", _share(naive)),
        ("adaptive search", _share(adaptive)),
    )
    return Exhibit(
        kind="defence",
        title="Naive and adaptive attack",
        caption="What is left between both is false robustness: a better attack takes it away.",
        table=Table(head=("attack", "accuracy"), rows=rows),
    )


def falsely_robust(_: Finding, evidence: DefenceEvidence, names: ClassNames) -> Exhibit | None:
    """The first image of each class that the adaptive search alone broke."""
    title, after = "Images that only looked robust", "after the adaptive attack"
    return gallery.of_images("gallery", title, after, evidence.false_gallery, names)


def _share(value: float | None) -> str:
    return NONE if value is None else f"{value:.4f}"
