"""Certified accuracy of a smoothed classifier over the L2 radius, as a figure and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from securemnist.epsilon import parse_epsilon
from securemnist.report.charts import WIDTH
from securemnist.results.evidence.certificates import CertifiedEvidence, RadiusPoint, Smoothed
from securemnist.results.findings import Finding
from securemnist.results.value_types import LARGEST_EPSILON
from securemnist.view.axis import Scale, percent_lines, round_step
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Panel, Table
from securemnist.view.svg import BAD, INK, Drawing
from securemnist.view.wording import plural

_LEFT, _TOP, _RIGHT, _BOTTOM = 34.0, 12.0, 322.0, 226.0
_Y = Scale(0, 1, _BOTTOM, _TOP)
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
    picture = _drawn(points, finding.requirement.at_least, _eps(finding), alt=caption)
    return Exhibit(
        kind="radii",
        title="Certified accuracy vs. L2 radius",
        caption=caption,
        panels=(Panel(picture=picture),),
        table=Table(head=("L2 radius", "certified"), rows=rows),
    )


def description(smoothed: Smoothed) -> str:
    """How the certificates were found, and what they say nothing about."""
    return (
        f"Randomised smoothing with noise of deviation {smoothed.sigma:g}: {smoothed.choice:,} draws "
        f"an image choose its class, {smoothed.draws:,} others bound its share. The probability that any "
        f"certificate of the row is wrong is at most {smoothed.alpha:g}. "
        f"{plural(smoothed.undecided, 'image')} of the right class without a certificate. The "
        "certificates are of the smoothed classifier, not of the model without noise."
    )


def _eps(finding: Finding) -> float | None:
    """The radius that the row asks for; None where its settings have another form."""
    threat = finding.requirement.settings.get("threat")
    try:
        eps = parse_epsilon(threat.get("eps") if isinstance(threat, Mapping) else None)
    except ValueError:
        return None
    return eps if 0 <= eps <= LARGEST_EPSILON else None


def _drawn(
    points: Sequence[RadiusPoint], at_least: float | None, eps: float | None, *, alt: str
) -> str:
    drawing = Drawing(WIDTH, 262)
    most = max([0.01, *(p.radius for p in points), *([] if eps is None else [eps])])
    x = Scale(0, most, _LEFT, _RIGHT)
    percent_lines(drawing, _LEFT, _RIGHT, _Y, width=0.8, size=10)
    step = round_step(most)
    for number in range(int(most / step + 1e-9) + 1):
        drawing.text(x(number * step), _BOTTOM + 15, f"{number * step:g}", size=10, anchor="middle")
    drawing.text((_LEFT + _RIGHT) / 2, _BOTTOM + 31, "L2 radius", anchor="middle")
    line = [(x(p.radius), _Y(p.certified)) for p in points]
    drawing.lines(INK, line, width=2.4)
    for place in line:
        drawing.mark(*place, "dot", INK, size=3.2)
    if eps is not None and at_least is not None:
        at, y = x(eps), _Y(at_least)
        drawing.lines(BAD, [(at - 8, y), (at + 8, y)], width=2.5)
        drawing.text(at, y + 14, "required", BAD, size=10, anchor="middle", halo=True)
    return drawing.element(alt)
