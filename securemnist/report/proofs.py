"""Exhibit of branch and bound: the share of the images that were decided, over time."""

from __future__ import annotations

from bisect import bisect_right

from securemnist.report import charts
from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.evidence.certificates import CertifiedEvidence, ProofSearch
from securemnist.results.findings import Finding
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Table
from securemnist.view.svg import GOOD
from securemnist.view.wording import plural, share

_RIGHT = 322.0
_MOMENTS = 10  # lines of the table, at equal distances


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
    rows = []
    for moment in range(1, _MOMENTS + 1):
        seconds = search.seconds * moment / _MOMENTS
        decided = bisect_right(search.decided, seconds)
        rows.append((f"{seconds:.1f}", f"{decided:,}", share(decided / search.images)))
    table = Table(head=("seconds", "decided", "share"), rows=tuple(rows))
    return Exhibit.drawn("search", "Proofs over time", caption, _drawn(search, alt=caption), table)


def _drawn(search: ProofSearch, *, alt: str) -> str:
    """A line that rises by one image at each decision."""
    drawing, x = charts.share_over([search.seconds], _RIGHT, "seconds")
    points = [(x(0), charts.Y(0))]
    for number, seconds in enumerate(search.decided):
        points += [(x(seconds), charts.Y(n / search.images)) for n in (number, number + 1)]
    points.append((x(search.seconds), charts.Y(len(search.decided) / search.images)))
    drawing.lines(GOOD, points, width=2.4)
    return drawing.element(alt)
