"""Pictures made of cells: confusion matrices, and a waffle with a cell for every image.

No meaning rests on colour: cells carry their counts, shades differ in lightness, and every number
stands in a table beside its picture.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from securemnist.view.svg import BAD, GOOD, INK, MUTED, PAPER, Drawing

WIDTH = 340
Kind = tuple[str, str, float]  # its word, role and opacity
Cell = tuple[str, float, str]  # its role, opacity and text
FATES: dict[str, Kind] = {  # in the order of a waffle, the good end first
    "certified": ("proved", GOOD, 1.0),
    "survived": ("survived", GOOD, 0.45),
    "open": ("not tried", MUTED, 0.25),
    "broken": ("broken", BAD, 0.85),
    "misclassified": ("misclassified", INK, 0.6),
}
_MARGIN = 22.0
_ONE_LINE = 40  # cells that are large enough to be counted


def confusion(counts: np.ndarray, *, alt: str) -> str:
    """Counts (K, K); a cell's shade is its share of the row."""
    totals = counts.sum(1).clip(1)

    def cell(true: int, predicted: int) -> Cell:
        count = int(counts[true, predicted])
        # The square root keeps a single misclassified image visible beside a thousand.
        shade = 0.06 + 0.44 * (count / int(totals[true])) ** 0.5
        return GOOD if true == predicted else BAD, shade if count else 0.0, f"{count}"

    return _matrix(len(counts), cell, alt)


def moved(before: np.ndarray, after: np.ndarray, *, alt: str) -> str:
    """What the change did: `after` minus `before`, signed; images lost and gained wrongly are bad."""
    totals = before.sum(1).clip(1)

    def cell(true: int, predicted: int) -> Cell:
        change = int(after[true, predicted] - before[true, predicted])
        better = (change > 0) == (true == predicted)
        shade = 0.08 + 0.52 * min(abs(change) / int(totals[true]), 1.0) ** 0.5
        text = f"{change:+d}".replace("-", "\N{MINUS SIGN}")
        return GOOD if better else BAD, shade if change else 0.0, text

    return _matrix(len(after), cell, alt)


def _matrix(classes: int, cell: Callable[[int, int], Cell], alt: str) -> str:
    """A matrix with the classes along its edges; a cell without a shade stays empty."""
    drawing = Drawing(WIDTH, WIDTH)
    side = (WIDTH - _MARGIN) / classes
    largest = min(12.0, 0.6 * side)
    for label in range(classes):
        middle = _MARGIN + (label + 0.5) * side
        drawing.text(middle, 14, label, anchor="middle", size=largest)
        drawing.text(8, middle + 4, label, anchor="middle", size=largest)
    for true, predicted in itertools.product(range(classes), repeat=2):
        role, shade, text = cell(true, predicted)
        x, y = _MARGIN + predicted * side + 1, _MARGIN + true * side + 1
        drawing.rect(x, y, side - 2, side - 2, role if shade else MUTED, alpha=shade or 0.06)
        if shade:
            size = min(largest, 12.0 if len(text) < 4 else 1.32 * side / len(text))
            middle = x - 1 + side / 2
            drawing.text(middle, y + side / 2 + 3, text, INK, size=size, anchor="middle")
    return drawing.element(alt)


def waffle(
    bands_of: Sequence[tuple[str, Mapping[str, int]]],
    names: Mapping[str, Kind] = FATES,
    *,
    alt: str,
) -> str:
    """A band for each class by its number, a cell for each image, sorted by its outcome."""
    labels, classes = [label for label, _ in bands_of], [counts for _, counts in bands_of]
    columns = _columns(classes)
    cell = (WIDTH - _MARGIN) / columns
    kinds = [kind for kind in names if any(fate[kind] for fate in classes)]
    bands = [math.ceil(sum(fate.values()) / columns) * cell for fate in classes]
    drawing = Drawing(WIDTH, 24 + sum(bands) + 5 * len(classes))
    drawing.legend(_MARGIN, [names[kind] for kind in kinds])
    y = 24.0
    for label, fate, height in zip(labels, classes, bands, strict=True):
        drawing.text(8, y + min(height, 24) / 2 + 4, label, anchor="middle")
        start = 0
        for kind in kinds:
            count = fate[kind]
            _, role, alpha = names[kind]
            for place, length, line_ in _runs(start, count, columns):
                x = _MARGIN + place * cell
                drawing.rect(x, y + line_ * cell, length * cell, cell, role, alpha=alpha)
            start += count
        _grid(drawing, y, height, columns, cell)
        y += height + 5
    return drawing.element(alt)


def _columns(classes: Sequence[Mapping[str, int]]) -> int:
    """One line a class where that fits, else all bands together about as high as they are wide."""
    largest = max(sum(fate.values()) for fate in classes)
    if largest <= _ONE_LINE:
        return max(10, largest)
    images = sum(sum(fate.values()) for fate in classes)
    return min(100, max(20, round(math.sqrt(images) / 5) * 5))


def _runs(start: int, count: int, columns: int) -> list[tuple[int, int, int]]:
    """`count` cells from `start` on as few rectangles: first line, whole lines one by one, rest."""
    runs = []
    while count:
        line_, place = divmod(start, columns)
        length = min(columns - place, count)
        runs.append((place, length, line_))
        start, count = start + length, count - length
    return runs


def _grid(drawing: Drawing, y: float, height: float, columns: int, cell: float) -> None:
    """Lines of the paper's colour between the cells: every image is one of them."""
    down = [((_MARGIN + i * cell, y), (_MARGIN + i * cell, y + height)) for i in range(columns + 1)]
    lines = round(height / cell)
    across = [((_MARGIN, y + i * cell), (WIDTH, y + i * cell)) for i in range(lines + 1)]
    drawing.lines(PAPER, *down, *across, width=0.5 if cell < 6 else 1.4)
