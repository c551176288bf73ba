"""Pictures made of cells: confusion matrices, and a cell for every image."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

from securemnist.report.bars import margin
from securemnist.view.svg import BAD, GOOD, INK, LETTER, MUTED, PAPER, WIDTH, Drawing

Kind = tuple[str, str, float]  # its word, role and opacity
Matrix = Sequence[Sequence[int]]
Cell = tuple[str, float, str]  # its role, opacity and text
OUTCOMES: dict[str, Kind] = {  # in the order of a waffle, the good end first
    "certified": ("proved", GOOD, 1.0),
    "survived": ("survived", GOOD, 0.45),
    "open": ("not tried", MUTED, 0.25),
    "broken": ("broken", BAD, 0.85),
    "misclassified": ("misclassified", INK, 0.6),
}
_ONE_LINE = 40  # cells that are large enough to be counted
_FIXED = 10  # classes of a matrix as wide as its column; a larger one has cells of a fixed size
_CELL, _LARGEST_CELL = 32.0, 64.0  # pixels
_LEAST_BAND = 11.0  # pixels, so that names below each other stay apart


def confusion(counts: Matrix, labels: Sequence[str], *, alt: str) -> str:
    """A matrix of counts (K, K) with a label for each class; a cell's shade is its share of the row."""

    def cell(true: int, predicted: int) -> Cell:
        count = counts[true][predicted]
        # The square root keeps a single misclassified image visible beside a thousand.
        shade = 0.06 + 0.44 * (count / max(sum(counts[true]), 1)) ** 0.5
        return GOOD if true == predicted else BAD, shade if count else 0.0, f"{count}"

    return _matrix(cell, labels, alt)


def moved(before: Matrix, after: Matrix, labels: Sequence[str], *, alt: str) -> str:
    """The change: `after` minus `before`, signed; images lost and gained wrongly are bad."""

    def cell(true: int, predicted: int) -> Cell:
        change = after[true][predicted] - before[true][predicted]
        better = (change > 0) == (true == predicted)
        shade = 0.08 + 0.52 * min(abs(change) / max(sum(before[true]), 1), 1.0) ** 0.5
        text = f"{change:+d}".replace("-", "\N{MINUS SIGN}")
        return GOOD if better else BAD, shade if change else 0.0, text

    return _matrix(cell, labels, alt)


def is_large(classes: int) -> bool:
    """Whether a matrix of so many classes is wider than a column of the page."""
    return classes > _FIXED


def _matrix(cell: Callable[[int, int], Cell], labels: Sequence[str], alt: str) -> str:
    """A matrix with the classes along its edges; a cell without a shade stays empty."""
    left = margin(labels)
    size = _CELL if is_large(len(labels)) else min((WIDTH - left) / len(labels), _LARGEST_CELL)
    level = max(map(len, labels)) * LETTER <= size
    top = 22.0 if level else left
    length = size * len(labels)
    drawing = Drawing(left + length if is_large(len(labels)) else WIDTH, top + length)
    for place, label in enumerate(labels):
        middle = (place + 0.5) * size
        if level:
            drawing.text(left + middle, 14, label, anchor="middle")
        else:
            drawing.text(left + middle + 4, top - 6, label, vertical=True)
        if left == top == 22.0:
            drawing.text(8, top + middle + 4, label, anchor="middle")
        else:
            drawing.text(left - 6, top + middle + 4, label, anchor="end")
    for true, predicted in itertools.product(range(len(labels)), repeat=2):
        role, shade, text = cell(true, predicted)
        x, y = left + predicted * size + 1, top + true * size + 1
        drawing.rect(x, y, size - 2, size - 2, role if shade else MUTED, alpha=shade or 0.06)
        if shade:
            letters = 12.0 if len(text) < 4 and size > 30 else min(12.0, 1.32 * size / len(text))
            middle = x - 1 + size / 2
            drawing.text(middle, y + size / 2 + 3, text, INK, size=letters, anchor="middle")
    return drawing.element(alt)


def waffle(
    classes: Sequence[Mapping[str, int]],
    labels: Sequence[str],
    names: Mapping[str, Kind],
    *,
    alt: str,
) -> str:
    """A band for each class, a cell for each image, sorted by its outcome."""
    left = margin(labels)
    columns = _columns(classes)
    cell = (WIDTH - left) / columns
    kinds = [kind for kind in names if any(outcome[kind] for outcome in classes)]
    bands = [math.ceil(sum(outcome.values()) / columns) * cell for outcome in classes]
    heights = [max(band, _LEAST_BAND) if left > 22.0 else band for band in bands]
    drawing = Drawing(WIDTH, 24 + sum(heights) + 5 * len(classes))
    drawing.legend(22.0, [names[kind] for kind in kinds])
    y = 24.0
    for outcome, label, band, height in zip(classes, labels, bands, heights, strict=True):
        anchor, x = ("middle", 8.0) if left == 22.0 else ("end", left - 6)
        drawing.text(x, y + min(height, 24) / 2 + 4, label, anchor=anchor)
        start = 0
        for kind in kinds:
            count = outcome[kind]
            _, role, alpha = names[kind]
            for place, length, row in _runs(start, count, columns):
                x = left + place * cell
                drawing.rect(x, y + row * cell, length * cell, cell, role, alpha=alpha)
            start += count
        _grid(drawing, left, y, band, columns, cell)
        y += height + 5
    return drawing.element(alt)


def _columns(classes: Sequence[Mapping[str, int]]) -> int:
    """One line a class where that fits, else all bands together about as high as they are wide."""
    largest = max(sum(outcome.values()) for outcome in classes)
    if largest <= _ONE_LINE:
        return max(10, largest)
    images = sum(sum(outcome.values()) for outcome in classes)
    return min(100, max(20, round(math.sqrt(images) / 5) * 5))


def _runs(start: int, count: int, columns: int) -> list[tuple[int, int, int]]:
    """`count` cells from `start` on as few rectangles: first line, whole lines one by one, rest."""
    runs = []
    while count:
        row, place = divmod(start, columns)
        length = min(columns - place, count)
        runs.append((place, length, row))
        start, count = start + length, count - length
    return runs


def _grid(
    drawing: Drawing, left: float, y: float, height: float, columns: int, cell: float
) -> None:
    """Lines of the paper's colour between the cells: every image is one of them."""
    down = [((left + i * cell, y), (left + i * cell, y + height)) for i in range(columns + 1)]
    lines = round(height / cell)
    across = [((left, y + i * cell), (WIDTH, y + i * cell)) for i in range(lines + 1)]
    drawing.lines(PAPER, *down, *across, width=0.5 if cell < 6 else 1.4)
