"""Certified accuracy of a smoothed classifier over the L2 radius, as a figure and in words."""

from __future__ import annotations

from collections.abc import Sequence

from securemnist.report import charts
from securemnist.results.evidence.certificates import CertifiedEvidence, RadiusPoint, Smoothed
from securemnist.results.findings import Finding
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Table
from securemnist.view.numbers import plural

_RIGHT = 322.0
_POINTS = 200  # that a table shows


def by_radius(finding: Finding, evidence: CertifiedEvidence, _: ClassNames) -> Exhibit | None:
    """The share of images that are certified, by radius; every point is from the same draws."""
    smoothed = evidence.smoothed
    if smoothed is None or len(smoothed.curve) < 2:
        return None
    points = sorted(smoothed.curve, key=lambda point: point.radius)[:_POINTS]
    caption = (
        f"Share of images that are certified within an L2 radius, of the model smoothed by noise of "
        f"deviation {smoothed.sigma:g}. All points are from the same draws and hold together, but for "
        f"a failure probability of {smoothed.alpha:g}. The model without noise may be broken within."
    )
    rows = tuple((f"{p.radius:.4g}", f"{p.certified:.4f}") for p in points)
    picture = _drawn(points, charts.required(finding), alt=caption)
    table = Table(head=("L2 radius", "certified"), rows=rows)
    return Exhibit.drawn("radii", "Certified accuracy vs. L2 radius", caption, picture, table)


def description(smoothed: Smoothed) -> str:
    """How the certificates were found, and what they say nothing about."""
    return (
        f"Randomised smoothing with noise of deviation {smoothed.sigma:g}: {smoothed.choice:,} draws "
        f"an image choose its class, {smoothed.draws:,} others bound its share. The probability that any "
        f"certificate of the row is wrong is at most {smoothed.alpha:g}. "
        f"{plural(smoothed.undecided, 'image')} of the right class without a certificate. The "
        "certificates are of the smoothed classifier, not of the model without noise."
    )


def _drawn(points: Sequence[RadiusPoint], required: tuple[float, float] | None, *, alt: str) -> str:
    sizes = [*(p.radius for p in points), *(required or ())[:1]]
    drawing, x = charts.share_over(sizes, _RIGHT, "L2 radius")
    drawing.marked([(x(p.radius), charts.Y(p.certified)) for p in points], width=2.4, size=3.2)
    charts.mark_required(drawing, x, required)
    return drawing.element(alt)
