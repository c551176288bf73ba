"""Exhibits made of cells: confusion matrices, and what became of each digit."""

from __future__ import annotations

from securemnist.report import grids
from securemnist.report.figure import Exhibit, Panel, Table
from securemnist.results import evidence
from securemnist.results.evidence import Counts
from securemnist.results.findings import Finding
from securemnist.results.per_image import CLASSES
from securemnist.sanitize import line


def confusion(finding: Finding, seen: evidence.Evidence) -> Exhibit | None:
    """Confusion matrix: clean, attacked, and what the attack moved."""
    counts = evidence.confusion(seen)
    if counts is None:
        return None
    clean = evidence.confusion(seen, "clean_confusion")
    total, right = _right(counts)
    where = line(finding.family.condition, 60)
    caption = (
        f"Down: true class; across: what it is read as. {right:,} of {total:,} digits are right"
    )
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
                clean, counts, alt=f"Difference: {right - before:+,} digits right")),
        )  # fmt: skip
    rows = tuple(
        (str(digit), *(_cell(counts, clean, digit, other) for other in range(CLASSES)))
        for digit in range(CLASSES)
    )
    table = Table(head=("true \\ read as", *map(str, range(CLASSES))), rows=rows)
    return Exhibit(kind="confusion", title=title, caption=caption, panels=panels, table=table)


def _right(counts: Counts) -> tuple[int, int]:
    """All digits, and those on the diagonal."""
    return sum(map(sum, counts)), sum(counts[digit][digit] for digit in range(CLASSES))


def _cell(counts: Counts, clean: Counts | None, true: int, predicted: int) -> str:
    """The count, and what it was without the attack where that differs."""
    now = counts[true][predicted]
    before = now if clean is None else clean[true][predicted]
    return f"{now:,}" if before == now else f"{before:,} \N{RIGHTWARDS ARROW} {now:,}"


def fates(finding: Finding, seen: evidence.Evidence) -> Exhibit | None:
    """Every digit as a cell, by class and by what became of it."""
    classes = evidence.fates(seen)
    if classes is None:
        return None
    # Where nothing but proofs was tried, a digit that is left is not proved.
    left = "not proved" if finding.family.proofs else "not tried"
    kinds = grids.FATES | {"open": (left, *grids.FATES["open"][1:])}
    total = sum(fate.total for fate in classes)
    sums = {kind: sum(getattr(fate, kind) for fate in classes) for kind in grids.FATES}
    told = ", ".join(f"{n:,} {kinds[kind][0]}" for kind, n in sums.items() if n)
    caption = f"A cell for each of {total:,} digits, a band for each class: {told}."
    if sums["certified"] and sums["survived"]:
        caption += " True robust accuracy lies between proved and proved + survived."
    kept = [kind for kind, n in sums.items() if n]
    rows = tuple(
        (str(digit), f"{fate.total:,}", *(f"{getattr(fate, kind):,}" for kind in kept))
        for digit, fate in enumerate(classes)
    )
    return Exhibit(
        kind="fates",
        title="Certified / survived / broken, per image",
        caption=caption,
        panels=(Panel(picture=grids.waffle(classes, kinds, alt=caption)),),
        table=Table(head=("class", "digits", *(kinds[kind][0] for kind in kept)), rows=rows),
    )
