"""The first places that a static row complains about: for outputs that have no room for all."""

from __future__ import annotations

from securemnist.results.evidence.static import StaticEvidence, StaticIssue
from securemnist.results.findings import Finding
from securemnist.sanitize import line

FIRST = 3


def place_of(issue: StaticIssue) -> str:
    """`file:line`."""
    return f"{line(issue.file, 200)}:{issue.line}"


def first_places(finding: Finding) -> tuple[str, ...]:
    """`file:line: what is wrong`, at most FIRST of them, and how many more there are."""
    evidence = finding.measurement.evidence if finding.measurement is not None else None
    if finding.passed or not isinstance(evidence, StaticEvidence):
        return ()
    found = evidence.static or []
    detail = [line(f"{place_of(n)}: {line(n.message, 400)}", 160) for n in found[:FIRST]]
    if len(found) > FIRST:
        detail.append(f"and {len(found) - FIRST:,} more")
    return tuple(detail)
