"""The checks of a row of the supply chain, as a table."""

from __future__ import annotations

from securemnist.results.evidence.supply_chain import SupplyChainEvidence
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Table, of_total

MOST, USUAL = 200, 50  # lines of the table: at most, and where more of them hold


def checks(_: Finding, evidence: SupplyChainEvidence, __: ClassNames) -> Exhibit | None:
    """The checks, those first that do not hold."""
    if not evidence.checks:
        return None
    broken = sum(not check.holds for check in evidence.checks)
    shown = min(MOST, max(USUAL, broken))
    ordered = sorted(evidence.checks, key=lambda one: one.holds)[:shown]
    rows = tuple(
        (
            line(one.name, 100),
            line(one.place, 200),
            line(one.expected, 200),
            line(one.found, 200),
            "yes" if one.holds else "NO",
        )
        for one in ordered
    )
    table = Table(head=("check", "place", "expected", "found", "holds"), rows=rows, prose=True)
    caption = f"Read: {line(evidence.about, 200)}. "
    caption += of_total(len(ordered), len(evidence.checks), "check")
    if shown < len(evidence.checks):
        caption += f" Those first that do not hold: {broken:,}."
    return Exhibit(kind="checks", title="Checks of the supply chain", caption=caption, table=table)
