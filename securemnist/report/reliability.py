"""Exhibits of confidence: accuracy over it, and the scores of images that are none of the task."""

from __future__ import annotations

from collections.abc import Sequence

from securemnist.results.evidence.images import Picture
from securemnist.results.evidence.natural import (
    CalibrationBin,
    CalibrationEvidence,
    OutlierEvidence,
)
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view import png
from securemnist.view.axis import name_axis, quarter_numbers, share_plot
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Table
from securemnist.view.svg import BAD, GOOD, MUTED

_LETTER = 6  # pixels of a letter at size 10, at most
# A line of a chart of scores: its name, 21 quantiles, its colour and its dashes.
Side = tuple[str, Sequence[float], str, str]


def reliability(_: Finding, evidence: CalibrationEvidence, __: ClassNames) -> Exhibit | None:
    """Accuracy by confidence; a calibrated model lies on the dashed line."""
    if not evidence.reliability:
        return None
    caption = (
        "Accuracy of images of similar confidence; a calibrated model lies on the dashed line."
    )
    if evidence.ece is not None:
        caption += f" Expected calibration error {evidence.ece:.4f}."
    if evidence.brier is not None:
        caption += f" Brier score, halved, {evidence.brier:.4f}."
    rows = tuple(
        (f"{part.confidence:.4f}", f"{part.accuracy:.4f}", f"{part.n:,}")
        for part in evidence.reliability
    )
    picture = _diagram(evidence.reliability, caption)
    table = Table(head=("confidence", "accuracy", "images"), rows=rows)
    return Exhibit.drawn("reliability", "Accuracy by confidence", caption, picture, table)


def _diagram(parts: Sequence[CalibrationBin], alt: str) -> str:
    drawing, x, y = share_plot(0, 1, bottom=220.0)
    quarter_numbers(drawing, x, y, lambda share: f"{100 * share:.0f} %")
    name_axis(drawing, x, y, "confidence")
    drawing.lines(MUTED, [(x(0), y(0)), (x(1), y(1))], width=1.2, dash="5 3")
    drawing.marked([(x(p.confidence), y(p.accuracy)) for p in parts], width=1.6, size=3.2)
    return drawing.element(alt)


def scores(_: Finding, evidence: OutlierEvidence, __: ClassNames) -> Exhibit | None:
    """Quantiles of the scores of test images and of others, with examples of the others."""
    if evidence.inside is None or evidence.outside is None:
        return None
    against = line(evidence.against, 20)
    caption = (
        "The scores below which a share of the images lies: test images, and images that are none of "
        f"the task ({against}), of which some are shown. The further apart, the better."
    )
    rows = quantile_rows(evidence.inside, evidence.outside)
    sides = (("test images", evidence.inside, GOOD, ""), (against, evidence.outside, BAD, "5 3"))
    picture = quantile_lines(sides, caption, evidence.examples[:6])
    table = Table(head=("share", "test images", against), rows=rows)
    return Exhibit.drawn(
        "scores", "Scores of images that are none of the task", caption, picture, table
    )


def quantile_rows(one: Sequence[float], other: Sequence[float]) -> tuple[tuple[str, str, str], ...]:
    """The 21 quantiles of two sides as the rows of a table, each with its share."""
    pairs = enumerate(zip(one, other, strict=True))
    return tuple((f"{5 * k} %", f"{a:.4g}", f"{b:.4g}") for k, (a, b) in pairs)


def quantile_lines(sides: tuple[Side, Side], alt: str, examples: Sequence[Picture] = ()) -> str:
    """The shares of images below each score: a line for each side, with its name beside it."""
    every = [score for _, values, _, _ in sides for score in values]
    low, high = min(every), max(every)
    drawing, x, y = share_plot(low, max(high, low + 1e-9), top=44.0, bottom=220.0)
    for _, values, role, dash in sides:
        points = [(x(value), y(k / 20)) for k, value in enumerate(values)]
        drawing.lines(role, points, width=2.0, dash=dash)
    # Above a rising line and below it there is room, so that two equal lines have readable names.
    ordered = sorted(sides, key=lambda side: side[1][10])
    for (name, values, role, _), share, room in zip(ordered, (14, 6), (-1, 1), strict=True):
        place, width = x(values[share]), _LETTER * len(name)
        if not x.start < place + room * (width + 6) < x.end:
            room = -room
        anchor = "start" if room > 0 else "end"
        drawing.text(
            place + 6 * room, y(share / 20) + 3, name, role, size=10, anchor=anchor, halo=True
        )
    for number, picture in enumerate(examples):
        drawing.image(x.start + 34 * number, 4, 30, 30, png.image(picture))
    drawing.text(x.start, y.start + 15, f"{low:.3g}", size=10)
    drawing.text(x.end, y.start + 15, f"{high:.3g}", size=10, anchor="end")
    name_axis(drawing, x, y, "score")
    return drawing.element(alt)
