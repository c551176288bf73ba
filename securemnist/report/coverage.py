"""The exhibit of a row of the threat model: the threats that no row tests."""

from __future__ import annotations

from securemnist.results.evidence.threats import ThreatEvidence
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Table
from securemnist.view.wording import plural

ENTRIES = 200  # lines the table shows


def uncovered(finding: Finding, evidence: ThreatEvidence, _: ClassNames) -> Exhibit | None:
    """The threats that no row tests."""
    if evidence.threats is None:
        return None
    threats = evidence.threats[:ENTRIES]
    rows = tuple(
        (
            line(t.id, 60),
            line(t.title, 100),
            line(", ".join(t.on), 200),
            line(", ".join(t.missing) or "none named", 200),
        )
        for t in threats
    )
    head = ("threat", "title", "concerns", "rows that the policy lacks")
    total = finding.measurement.n if finding.measurement is not None else 0
    return Exhibit(
        kind="threats",
        title="Uncovered threats",
        caption=f"{len(evidence.threats):,} of {plural(total, 'threat')}; reviewed on "
        f"{line(evidence.reviewed, 20)}.",
        table=Table(head=head, rows=rows, prose=True) if rows else None,
    )
