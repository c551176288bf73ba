"""Exhibit of branch and bound: the share of the images that were decided, over time."""

from __future__ import annotations

from bisect import bisect_right

from securemnist.report import charts
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.certificates import CertifiedEvidence, ProofSearch
from securemnist.results.findings import Finding
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Table
from securemnist.view.numbers import plural, share
from securemnist.view.svg import GOOD

_RIGHT = 322.0
_LINES, _POINTS = 10, 144  # moments in the table, and in the picture: one for two pixels


def over_time(
    _: Finding, evidence: AttackEvidence | CertifiedEvidence, __: ClassNames
) -> Exhibit | None:
    """The share that was proved or broken so far; a flat end says that more time would gain little."""
    search = evidence.certificates.search if evidence.certificates else None
    if search is None or not search.images or not search.seconds:
        return None
    caption = (
        f"Branch and bound searched {plural(search.images, 'image')} that attacks and simpler "
        f"certificates left open. The line is the share that was proved or broken, "
        f"{len(search.decided):,} in the end. Where it is flat, more time gains little."
    )
    rows = tuple(
        (f"{seconds:.1f}", f"{decided:,}", share(decided / search.images))
        for seconds, decided in _counted(search, _LINES)
    )
    table = Table(head=("seconds", "decided", "share"), rows=rows)
    return Exhibit.drawn("search", "Proofs over time", caption, _drawn(search, alt=caption), table)


def _counted(search: ProofSearch, moments: int) -> list[tuple[float, int]]:
    """The images that were decided by each of some moments, at equal distances."""
    times = [search.seconds * ((number + 1) / moments) for number in range(moments)]
    return [(seconds, bisect_right(search.decided, seconds)) for seconds in times]


def _drawn(search: ProofSearch, *, alt: str) -> str:
    drawing, x = charts.share_over([search.seconds], _RIGHT, "seconds")
    counted = [(0.0, 0), *_counted(search, _POINTS)]
    points = [(x(seconds), charts.Y(decided / search.images)) for seconds, decided in counted]
    drawing.lines(GOOD, points, width=2.4)
    return drawing.element(alt)
