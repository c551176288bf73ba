"""Exhibits made of cells: confusion matrices, and what became of each image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from securemnist.report import grids
from securemnist.results import per_image
from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.certificates import CertifiedEvidence
from securemnist.results.evidence.tables import OutcomeTable
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view.class_names import SHOWN, Names, worst_classes
from securemnist.view.figure import Exhibit, Panel, Table

LARGEST = 15  # confusions that are listed of more than SHOWN classes


def confusion(
    finding: Finding, evidence: CleanEvidence | AttackEvidence | BackdoorEvidence, names: Names
) -> Exhibit | None:
    """Confusion matrix: clean, attacked, and what the attack moved."""
    counts = evidence.confusion
    if counts is None:
        return None
    clean = None if isinstance(evidence, CleanEvidence) else evidence.clean_confusion
    if len(counts) > SHOWN:
        return _largest_confusions(finding, counts, clean, names)
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
    labels = range(len(counts))
    rows = tuple(
        (names(label), *(_cell(counts, clean, label, other) for other in labels))
        for label in labels
    )
    table = Table(head=("true \\ predicted", *map(names, labels)), rows=rows)
    return Exhibit(kind="confusion", title=title, caption=caption, panels=panels, table=table)


def _largest_confusions(
    finding: Finding, counts: np.ndarray, clean: np.ndarray | None, names: Names
) -> Exhibit:
    """The pairs of true and predicted class with the most images, where there are many classes."""
    total, right = _right(counts)
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:LARGEST]
    pairs = [divmod(int(place), len(counts)) for place in order if wrong.flat[place]]
    where = line(finding.family.condition, 60)
    caption = f"{right:,} of {total:,} images are classified correctly {where}".rstrip()
    if clean is not None:
        caption += f", {_right(clean)[1]:,} without"
    caption += (
        f". The {len(pairs)} most frequent errors of {len(counts):,} classes." if pairs else "."
    )
    rows = tuple((names(t), names(p), _cell(counts, clean, t, p)) for t, p in pairs)
    return Exhibit(
        kind="confusion",
        title=f"Largest confusions {where}".strip(),
        caption=caption,
        table=Table(head=("true class", "predicted class", "images"), rows=rows) if rows else None,
    )


def _right(counts: np.ndarray) -> tuple[int, int]:
    """All images, and those on the diagonal."""
    return int(counts.sum()), int(counts.trace())


def _cell(counts: np.ndarray, clean: np.ndarray | None, true: int, predicted: int) -> str:
    """The count, and what it was without the attack where that differs."""
    now = int(counts[true, predicted])
    before = now if clean is None else int(clean[true, predicted])
    return f"{now:,}" if before == now else f"{before:,} \N{RIGHTWARDS ARROW} {now:,}"


def _by_class(table: OutcomeTable, classes: int) -> list[dict[str, int]]:
    """The number of images of each class by their outcome (keys of `grids.FATES`)."""
    codes = {
        "certified": [per_image.CERTIFIED],
        "survived": [per_image.SURVIVED],
        "open": [per_image.NOT_ATTEMPTED],
        "broken": range(len(table.stages)),
        "misclassified": [per_image.MISCLASSIFIED],
    }
    of_class = (table.codes[table.labels == label] for label in range(classes))
    return [
        {kind: int(np.isin(own, [*chosen]).sum()) for kind, chosen in codes.items()}
        for own in of_class
    ]


def fates(
    finding: Finding, evidence: AttackEvidence | CertifiedEvidence, names: Names
) -> Exhibit | None:
    """Every image as a cell, by class and by its outcome."""
    if evidence.outcomes is None:
        return None
    labels = evidence.outcomes.labels
    number = len(evidence.per_class or ()) or int(labels.max()) + 1
    classes = _by_class(evidence.outcomes, number)
    # Where nothing but proofs was tried, an image that is left is not proved.
    left = "not proved" if finding.family.proofs else "not tried"
    kinds = grids.FATES | {"open": (left, *grids.FATES["open"][1:])}
    sums = {kind: sum(fate[kind] for fate in classes) for kind in grids.FATES}
    total = sum(sums.values())
    detail = ", ".join(f"{n:,} {kinds[kind][0]}" for kind, n in sums.items() if n)
    caption = f"A cell for each of {total:,} images, a band for each class: {detail}."
    if sums["certified"] and sums["survived"]:
        caption += " True robust accuracy lies between proved and proved + survived."
    present = [kind for kind, n in sums.items() if n]
    shown = worst_classes([_share_lost(fate) for fate in classes])
    bands = [(str(label), classes[label]) for label in shown]
    named = [(names(label), classes[label]) for label in shown]
    if len(shown) < number:
        others = [fate for label, fate in enumerate(classes) if label not in set(shown)]
        rest = {kind: sum(fate[kind] for fate in others) for kind in grids.FATES}
        bands.append(("...", rest))
        named.append((f"the other {number - len(shown):,} classes", rest))
        caption += f" The {len(shown)} worst classes, and the others together."
    rows = tuple(
        (name, f"{sum(fate.values()):,}", *(f"{fate[kind]:,}" for kind in present))
        for name, fate in named
    )
    return Exhibit(
        kind="fates",
        title="Certified / survived / broken, per image",
        caption=caption,
        panels=(Panel(picture=grids.waffle(bands, kinds, alt=caption)),),
        table=Table(head=("class", "images", *(kinds[kind][0] for kind in present)), rows=rows),
    )


def _share_lost(fate: Mapping[str, int]) -> float | None:
    """The share of a class that is broken or misclassified; None for a class without images."""
    total = sum(fate.values())
    return (fate["broken"] + fate["misclassified"]) / total if total else None
