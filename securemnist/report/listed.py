"""Exhibits of evidence that is a list: places in code, checks, threats without a row."""

from __future__ import annotations

from securemnist.report.details import place_of
from securemnist.results.evidence.service import ServiceEvidence
from securemnist.results.evidence.static import StaticEvidence
from securemnist.results.evidence.supply_chain import SupplyChainEvidence
from securemnist.results.evidence.threats import ThreatEvidence
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view.class_names import ClassNames
from securemnist.view.figure import Exhibit, Table, of_total
from securemnist.view.numbers import plural

MOST, USUAL = 200, 50  # lines of a table: at most, and of a supply chain where more of them hold


def static_issues(_: Finding, evidence: StaticEvidence, __: ClassNames) -> Exhibit | None:
    """The places in the code that a tool reports."""
    if evidence.static is None:
        return None
    issues = evidence.static[:MOST]
    rows = tuple(
        (
            place_of(one),
            line(one.severity, 20),
            f"{line(one.tool, 40)} {line(one.rule, 120)}",
            line(one.message, 400),
            line(one.advice, 400),
        )
        for one in issues
    )
    head = ("place", "severity", "rule", "what is wrong", "what to do")
    table = Table(head=head, rows=rows, prose=True) if rows else None
    caption = of_total(len(issues), len(evidence.static), "place")
    caption = caption if issues else "The tools found nothing."
    return Exhibit(kind="notices", title="Findings in the code", caption=caption, table=table)


def service_checks(_: Finding, evidence: ServiceEvidence, __: ClassNames) -> Exhibit | None:
    """The checks of a service, those first that do not hold."""
    if not evidence.checks:
        return None
    ordered = sorted(evidence.checks, key=lambda one: one.holds)[:MOST]
    rows = tuple(
        (line(c.name, 200), line(c.expected, 200), line(c.found, 200), _holds(c.holds))
        for c in ordered
    )
    table = Table(head=("check", "expected", "found", "holds"), rows=rows, prose=True)
    caption = f"Asked: {line(evidence.subject, 200)}. "
    caption += of_total(len(ordered), len(evidence.checks), "check")
    return Exhibit(kind="checks", title="Checks of the service", caption=caption, table=table)


def supply_checks(_: Finding, evidence: SupplyChainEvidence, __: ClassNames) -> Exhibit | None:
    """The checks of a supply chain, those first that do not hold."""
    if not evidence.checks:
        return None
    broken = sum(not check.holds for check in evidence.checks)
    shown = min(MOST, max(USUAL, broken))
    ordered = sorted(evidence.checks, key=lambda one: one.holds)[:shown]
    rows = tuple(
        (
            line(c.name, 100),
            *(line(t, 200) for t in (c.place, c.expected, c.found)),
            _holds(c.holds),
        )
        for c in ordered
    )
    table = Table(head=("check", "place", "expected", "found", "holds"), rows=rows, prose=True)
    caption = f"Read: {line(evidence.about, 200)}. "
    caption += of_total(len(ordered), len(evidence.checks), "check")
    if shown < len(evidence.checks):
        caption += f" Those first that do not hold: {broken:,}."
    return Exhibit(kind="checks", title="Checks of the supply chain", caption=caption, table=table)


def _holds(holds: bool) -> str:
    return "yes" if holds else "NO"


def uncovered(finding: Finding, evidence: ThreatEvidence, _: ClassNames) -> Exhibit | None:
    """The threats that no row tests."""
    if evidence.threats is None:
        return None
    rows = tuple(
        (
            line(t.id, 60),
            line(t.title, 100),
            line(", ".join(t.on), 200),
            line(", ".join(t.missing) or "none named", 200),
        )
        for t in evidence.threats[:MOST]
    )
    head = ("threat", "title", "concerns", "rows that the policy lacks")
    total = finding.measurement.n if finding.measurement is not None else 0
    of = f"{len(evidence.threats):,} of {plural(total, 'threat')}"
    return Exhibit(
        kind="threats",
        title="Uncovered threats",
        caption=f"{of}; reviewed on {line(evidence.reviewed, 20)}.",
        table=Table(head=head, rows=rows, prose=True) if rows else None,
    )
