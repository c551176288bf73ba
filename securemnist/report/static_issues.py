"""The first places that a static row complains about: for outputs that have no room for all."""

from __future__ import annotations

from securemnist.results.evidence import notices
from securemnist.results.findings import Finding
from securemnist.results.value_checks import Malformed
from securemnist.sanitize import line

FIRST = 3


def first_places(finding: Finding) -> tuple[str, ...]:
    """`file:line: what is wrong`, at most FIRST of them, and how many more there are."""
    if finding.passed or finding.measurement is None:
        return ()
    try:
        found = notices(finding.measurement.evidence) or ()
    except Malformed:
        return ()  # the page says so where the table would stand
    told = [line(f"{n.place}: {n.message}", 160) for n in found[:FIRST]]
    if len(found) > FIRST:
        told.append(f"and {len(found) - FIRST:,} more")
    return tuple(told)
