"""Confusion matrices; above 20 classes the largest confusions instead."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from securemnist.report import bars, grids
from securemnist.results.evidence.answers import BackdoorEvidence, CleanEvidence
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view.class_names import SHOWN, ClassNames
from securemnist.view.figure import Exhibit, Panel, Table

LARGEST = 15  # confusions that stand for a matrix of more than SHOWN classes


class _Matrices(NamedTuple):
    """Counts int64 (K, K), and those of the same images without the attack, where there was one.

    `total` images, of which `right` are classified correctly, and `right_before` without the attack.
    """

    counts: np.ndarray
    clean: np.ndarray | None
    total: int
    right: int
    right_before: int


def confusion(
    finding: Finding,
    evidence: CleanEvidence | AttackEvidence | BackdoorEvidence,
    names: ClassNames,
) -> Exhibit | None:
    """Confusion matrix: clean, attacked, and the difference of both."""
    counts = evidence.confusion
    if counts is None:
        return None
    clean = None if isinstance(evidence, CleanEvidence) else evidence.clean_confusion
    return of_counts(counts, clean, line(finding.family.condition, 60), names)


def of_counts(
    counts: np.ndarray, clean: np.ndarray | None, where: str, names: ClassNames
) -> Exhibit:
    """The figure of counts int64 (K, K): row true class, column predicted class.

    `clean`: those of the same images without the attack or trigger that `where` names.
    """
    right, before = (int(one.trace()) for one in (counts, counts if clean is None else clean))
    matrices = _Matrices(counts, clean, int(counts.sum()), right, before)
    draw = _matrix if len(counts) <= SHOWN else _largest
    return draw(matrices, where, names)


def _right(matrices: _Matrices, where: str) -> str:
    text = f"{matrices.right:,} of {matrices.total:,} images are classified correctly"
    if matrices.clean is None:
        return f"{text}."
    return f"{text} {where}, {matrices.right_before:,} without."


def _matrix(matrices: _Matrices, where: str, names: ClassNames) -> Exhibit:
    counts, clean = matrices.counts.tolist(), matrices.clean
    total, right = matrices.total, matrices.right
    labels = [names.short(label) for label in range(len(counts))]
    alt = f"Confusion matrix {where}: {right:,} of {total:,} right"
    picture = grids.confusion(counts, labels, alt=alt)
    caption = f"Down: true class; across: predicted class. {_right(matrices, where)}"
    title = f"Confusion matrix {where}".strip()
    pictures = [("", picture)]
    before = None if clean is None else clean.tolist()
    if before is not None:
        title = "Confusion matrix"
        caption += " The difference is the second minus the first."
        alt = f"Clean confusion matrix: {matrices.right_before:,} of {total:,} right"
        change = f"Difference: {right - matrices.right_before:+,} images right"
        pictures = [
            ("Clean", grids.confusion(before, labels, alt=alt)),
            (where.capitalize() or "Measured", picture),
            ("Difference", grids.moved(before, counts, labels, alt=change)),
        ]
    classes = range(len(counts))
    rows = tuple(
        (names[true], *(_cell(counts, before, true, other) for other in classes))
        for true in classes
    )
    large = grids.is_large(len(counts))
    return Exhibit(
        kind="confusion",
        title=title,
        caption=caption,
        panels=tuple(Panel(picture, title, large=large) for title, picture in pictures),
        table=Table(head=("true \\ predicted", *(names[k] for k in classes)), rows=rows),
    )


def _cell(counts: grids.Matrix, clean: grids.Matrix | None, true: int, predicted: int) -> str:
    """The count, and what it was without the attack where that differs."""
    now = counts[true][predicted]
    before = now if clean is None else clean[true][predicted]
    return f"{now:,}" if before == now else f"{before:,} \N{RIGHTWARDS ARROW} {now:,}"


def _largest(matrices: _Matrices, where: str, names: ClassNames) -> Exhibit:
    """The pairs of classes that are confused most, before and after."""
    wrong = matrices.counts.copy()
    np.fill_diagonal(wrong, 0)
    pairs = int((wrong > 0).sum())
    order = np.argsort(-wrong, axis=None, kind="stable")[: min(LARGEST, pairs)]
    chosen = [divmod(int(place), len(wrong)) for place in order]
    images = int(wrong.sum())
    left_out = images - sum(int(wrong[pair]) for pair in chosen)
    clean = matrices.clean
    caption = _right(matrices, where)
    if pairs:
        caption += f" The {len(chosen)} largest of {pairs:,} confusions, as true class "
        caption += "\N{RIGHTWARDS ARROW} predicted class"
        caption += f"; the others are {left_out:,} of {images:,} images." if left_out else "."
    shown = [
        bars.Counts(
            f"{names.short(true)} \N{RIGHTWARDS ARROW} {names.short(predicted)}",
            None if clean is None else int(clean[true, predicted]),
            int(wrong[true, predicted]),
        )
        for true, predicted in chosen
    ]
    after = where or "measured"
    columns = [wrong] if clean is None else [clean, wrong]
    heads = ("images",) if clean is None else ("clean", after)
    rows = tuple(
        (names.change(*pair), *(f"{int(column[pair]):,}" for column in columns)) for pair in chosen
    )
    picture = bars.counts(shown, names=("clean", after), alt=caption)
    return Exhibit(
        kind="confusions",
        title=f"Largest confusions {where}".strip(),
        caption=caption,
        panels=(Panel(picture),) if pairs else (),
        table=Table(head=("true \N{RIGHTWARDS ARROW} predicted", *heads), rows=rows),
    )
