"""Exhibits of natural robustness: corruptions by severity with pictures, and accuracy by rotation."""

from __future__ import annotations

from collections.abc import Sequence

from securemnist.results.evidence.natural import (
    CorruptionEvidence,
    CorruptionResult,
    RotationPoint,
    SpatialEvidence,
)
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view import png
from securemnist.view.axis import name_axis, quarter_numbers, share_plot
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Table
from securemnist.view.numbers import plural
from securemnist.view.svg import BAD, GOOD, INK, MUTED, WIDTH, Drawing

_LEFT, _TOP, _PICTURE, _WORDS, _GAP = 96.0, 20.0, 28.0, 15.0, 4.0
_MOST = 40  # kinds


def corruptions(_: Finding, evidence: CorruptionEvidence, __: ClassNames) -> Exhibit | None:
    """Accuracy by kind and severity, each with one image that is corrupted so."""
    if not evidence.corruptions:
        return None
    results = evidence.corruptions[:_MOST]
    kinds = plural(len(results), "corruption")
    benchmark = line(evidence.benchmark.upper(), 20)
    caption = f"Accuracy under {kinds} of {benchmark}, by severity"
    if evidence.clean is not None:
        right = f"{100 * evidence.clean:.1f} % of the same images"
        caption += f"; {right} are classified right without one"
    caption += "."
    if evidence.picture is not None:
        caption += f" The pictures show test image {evidence.picture}."
    if evidence.worst:
        caption += f" The lowest mean is that of {_name(evidence.worst)}."
    for kind, reason in list(evidence.left_out.items())[:_MOST]:
        caption += f" Left out: {_name(kind)}, which {line(reason, 100)}."
    rows = tuple(
        (_name(one.kind), *(f"{share:.4f}" for share in one.accuracy), f"{one.mean:.4f}")
        for one in results
    )
    head = ("corruption", *(f"severity {s}" for s in evidence.severities), "mean")
    picture = _matrix(results, evidence.severities, caption)
    table = Table(head=head, rows=rows)
    return Exhibit.drawn("corruptions", "Accuracy by corruption", caption, picture, table)


def _name(kind: str) -> str:
    return line(kind, 40).replace("_", " ")


def _matrix(results: Sequence[CorruptionResult], severities: Sequence[int], alt: str) -> str:
    """A line for each kind, a cell for each severity: its picture, and its accuracy below."""
    width = (WIDTH - _LEFT) / max(len(severities), 1)
    tops = [_TOP]
    for one in results:
        tops.append(tops[-1] + (_PICTURE if one.pictures else 0) + _WORDS + _GAP)
    drawing = Drawing(WIDTH, tops[-1])
    for column, severity in enumerate(severities):
        words = f"severity {severity}" if width > 60 else severity
        drawing.text(_LEFT + (column + 0.5) * width, 13, words, anchor="middle")
    for one, top, bottom in zip(results, tops, tops[1:], strict=False):
        middle = (top + bottom - _GAP) / 2
        drawing.text(_LEFT - 8, middle + 4, _name(one.kind)[:16], INK, anchor="end")
        for column, share in enumerate(one.accuracy):
            left, height = _LEFT + column * width + 1, bottom - top - _GAP
            role, alpha = (GOOD, 0.12 + 0.3 * share) if share >= 0.5 else (BAD, 0.42 - 0.5 * share)
            drawing.rect(left, top, width - 2, height, role, alpha=alpha)
            middle = left + width / 2 - 1
            drawing.text(middle, bottom - _GAP - 3, f"{100 * share:.0f} %", INK, anchor="middle")
            if column < len(one.pictures):
                picture = one.pictures[column]
                scale = (_PICTURE - 2) / max(picture.width, picture.height)
                wide, high = scale * picture.width, scale * picture.height
                drawing.rect(middle - wide / 2 - 0.5, top + 1.5, wide + 1, high + 1, MUTED)
                drawing.image(middle - wide / 2, top + 2, wide, high, png.image(picture))
    return drawing.element(alt)


def rotations(finding: Finding, evidence: SpatialEvidence, _: ClassNames) -> Exhibit | None:
    """Accuracy of the images turned and not moved, by angle, and what the row requires of all poses."""
    points = evidence.rotation_curve
    if not points:
        return None
    measurement = finding.measurement
    value = 0.0 if measurement is None else measurement.value
    caption = (
        f"Accuracy of the images turned by one angle and not moved. {100 * value:.1f} % are right in "
        f"all {evidence.poses:,} poses."
    )
    ordered = sorted(points, key=lambda point: point.degrees)
    rows = tuple((f"{point.degrees:g}", f"{point.accuracy:.4f}") for point in ordered)
    picture = _curve(ordered, value, alt=caption)
    table = Table(head=("degrees", "accuracy"), rows=rows)
    return Exhibit.drawn("rotations", "Accuracy by rotation", caption, picture, table)


def _curve(points: Sequence[RotationPoint], value: float, *, alt: str) -> str:
    most = max(1e-6, *(abs(point.degrees) for point in points))
    drawing, x, y = share_plot(-most, most, bottom=200.0)
    quarter_numbers(drawing, x, y, lambda degrees: f"{degrees:g}")
    name_axis(drawing, x, y, "rotation in degrees")
    drawing.lines(BAD, [(x.start, y(value)), (x.end, y(value))], width=1.6, dash="5 3")
    # No angle alone is below all poses: there the words touch no line, unless they leave the plot.
    down = 12 if value > 0.1 else -5
    drawing.text(x.end, y(value) + down, "all poses", BAD, size=10, anchor="end", halo=True)
    drawing.marked([(x(p.degrees), y(p.accuracy)) for p in points], width=2.2, size=2.6)
    return drawing.element(alt)
