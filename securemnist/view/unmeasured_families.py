"""Families of measures without a row in the policy or the tier: a pass says nothing about them."""

from __future__ import annotations

from securemnist.results.assessment import Assessment
from securemnist.results.families import (
    ADVERSARIAL,
    CERTIFIED,
    DEFENCE,
    FAMILIES,
    SERVICE,
    SUPPLY_CHAIN,
    THREAT_MODEL,
    Family,
)
from securemnist.results.findings import Finding
from securemnist.results.verdicts import TIERS
from securemnist.sanitize import line


def without_row(assessment: Assessment) -> list[Family]:
    """The bundled families that the policy has no row of, whatever the scope of the run was.

    A service is left out: many models are never served, and its rows are about another program. So are
    the supply chain and the threat model, which are about files beside the model, and defences, which
    many models do without.
    """
    rows = assessment.findings
    measured = {finding.requirement.measure for finding in rows}
    named = {finding.family.name for finding in rows}  # a suite of the user's own may name one
    return [
        family
        for name, family in FAMILIES.items()
        if family not in (DEFENCE, SERVICE, SUPPLY_CHAIN, THREAT_MODEL)
        and name not in named
        and not measured.intersection(family.measures)
    ]


def out_of_scope(assessment: Assessment) -> dict[str, list[Family]]:
    """The families, the user's own too, that no row in scope is of, by the reason."""
    rows = dict[str, list[Finding]]()
    for finding in assessment.findings:
        rows.setdefault(family_of(finding).name, []).append(finding)
    tier = assessment.scope.get("tier")
    families = dict[str, list[Family]]()
    for found in rows.values():
        if not any(row.in_scope for row in found):
            above = all(_above(row, tier) for row in found)
            reason = "rows are in a higher tier" if above else "rows were left out"
            families.setdefault(reason, []).append(family_of(found[0]))
    return families


def family_of(finding: Finding) -> Family:
    """The finding's family; by its measure where it was not measured, so that no family is stored."""
    if finding.family.name:
        return finding.family
    measure = finding.requirement.measure
    bundled = (family for family in FAMILIES.values() if measure in family.measures)
    return next(bundled, Family(name=measure))


def _above(finding: Finding, tier: object) -> bool:
    """Whether the row's tier is above the run's."""
    if tier not in TIERS or finding.requirement.tier not in TIERS:
        return False
    return TIERS.index(finding.requirement.tier) > TIERS.index(tier)


def sentence(assessment: Assessment) -> str:
    """`nothing is said about latency, nor about evasion (its rows are in a higher tier)`.

    "" where every family has a row in scope.
    """
    parts = []
    if topics := _topics(without_row(assessment)):
        parts.append(f"nothing is said about {topics}")
    for reason, families in out_of_scope(assessment).items():
        whose = "its" if len(families) == 1 else "their"
        said = "nor" if parts else "nothing is said"
        parts.append(f"{said} about {_topics(families)} ({whose} {reason})")
    return ", ".join(parts)


def _topics(families: list[Family]) -> str:
    return ", ".join(line(one.topic or one.title or one.name, 60) for one in families)


def about_evasion(assessment: Assessment) -> bool:
    """Whether no row searches for adversarial examples, or proves that there are none."""
    absent = without_row(assessment)
    return ADVERSARIAL in absent and CERTIFIED in absent
