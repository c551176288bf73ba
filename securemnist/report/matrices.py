"""Exhibits made of cells: confusion matrices, and what became of each image."""

from __future__ import annotations

import numpy as np

from securemnist.report import grids
from securemnist.results import per_image
from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.certificates import CertifiedEvidence
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.findings import Finding
from securemnist.results.per_image import CLASSES
from securemnist.sanitize import line
from securemnist.view.figure import Exhibit, Panel, Table

Counts = list[list[int]]


def confusion(
    finding: Finding, evidence: CleanEvidence | AttackEvidence | BackdoorEvidence
) -> Exhibit | None:
    """Confusion matrix: clean, attacked, and what the attack moved."""
    counts = evidence.confusion
    if counts is None:
        return None
    clean = None if isinstance(evidence, CleanEvidence) else evidence.clean_confusion
    total, right = _right(counts)
    where = line(finding.family.condition, 60)
    caption = "Down: true class; across: predicted class. "
    caption += f"{right:,} of {total:,} images are classified correctly"
    picture = grids.confusion(counts, alt=f"Confusion matrix {where}: {right:,} of {total:,} right")
    if clean is None:
        title = f"Confusion matrix {where}".strip()
        panels: tuple[Panel, ...] = (Panel(picture=picture),)
        caption += "."
    else:
        title = "Confusion matrix"
        before = _right(clean)[1]
        caption += f" {where}, {before:,} without. The difference shows what moved."
        panels = (
            Panel(title="Clean", picture=grids.confusion(
                clean, alt=f"Clean confusion matrix: {before:,} of {total:,} right")),
            Panel(title=where.capitalize() or "Measured", picture=picture),
            Panel(title="Difference", picture=grids.moved(
                clean, counts, alt=f"Difference: {right - before:+,} images right")),
        )  # fmt: skip
    rows = tuple(
        (str(image), *(_cell(counts, clean, image, other) for other in range(CLASSES)))
        for image in range(CLASSES)
    )
    table = Table(head=("true \\ predicted", *map(str, range(CLASSES))), rows=rows)
    return Exhibit(kind="confusion", title=title, caption=caption, panels=panels, table=table)


def _right(counts: Counts) -> tuple[int, int]:
    """All images, and those on the diagonal."""
    return sum(map(sum, counts)), sum(counts[image][image] for image in range(CLASSES))


def _cell(counts: Counts, clean: Counts | None, true: int, predicted: int) -> str:
    """The count, and what it was without the attack where that differs."""
    now = counts[true][predicted]
    before = now if clean is None else clean[true][predicted]
    return f"{now:,}" if before == now else f"{before:,} \N{RIGHTWARDS ARROW} {now:,}"


def _by_class(table: OutcomeTable) -> list[dict[str, int]]:
    """The number of images of each class by what became of them (keys of `grids.FATES`)."""
    codes = {
        "certified": [per_image.CERTIFIED],
        "survived": [per_image.SURVIVED],
        "open": [per_image.NOT_ATTEMPTED],
        "broken": range(len(table.stages)),
        "misclassified": [per_image.MISCLASSIFIED],
    }
    of_class = (table.codes[table.labels == label] for label in range(CLASSES))
    return [
        {kind: int(np.isin(own, [*chosen]).sum()) for kind, chosen in codes.items()}
        for own in of_class
    ]


def fates(finding: Finding, evidence: AttackEvidence | CertifiedEvidence) -> Exhibit | None:
    """Every image as a cell, by class and by what became of it."""
    if evidence.outcomes is None:
        return None
    classes = _by_class(evidence.outcomes)
    # Where nothing but proofs was tried, a image that is left is not proved.
    left = "not proved" if finding.family.proofs else "not tried"
    kinds = grids.FATES | {"open": (left, *grids.FATES["open"][1:])}
    sums = {kind: sum(fate[kind] for fate in classes) for kind in grids.FATES}
    total = sum(sums.values())
    detail = ", ".join(f"{n:,} {kinds[kind][0]}" for kind, n in sums.items() if n)
    caption = f"A cell for each of {total:,} images, a band for each class: {detail}."
    if sums["certified"] and sums["survived"]:
        caption += " True robust accuracy lies between proved and proved + survived."
    present = [kind for kind, n in sums.items() if n]
    rows = tuple(
        (str(image), f"{sum(fate.values()):,}", *(f"{fate[kind]:,}" for kind in present))
        for image, fate in enumerate(classes)
    )
    return Exhibit(
        kind="fates",
        title="Certified / survived / broken, per image",
        caption=caption,
        panels=(Panel(picture=grids.waffle(classes, kinds, alt=caption)),),
        table=Table(head=("class", "images", *(kinds[kind][0] for kind in present)), rows=rows),
    )
