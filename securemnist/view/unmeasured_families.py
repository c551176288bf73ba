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


def above_tier(assessment: Assessment) -> list[Family]:
    """The families, the user's own too, all of whose rows are in tiers above the run's."""
    rows = dict[str, list[Finding]]()
    for finding in assessment.findings:
        rows.setdefault(family_of(finding).name, []).append(finding)
    tier = assessment.scope.get("tier")
    return [
        family_of(found[0]) for found in rows.values() if all(_above(row, tier) for row in found)
    ]


def family_of(finding: Finding) -> Family:
    """The finding's family; by its measure where it was not measured, so that no family is stored."""
    if finding.family.name:
        return finding.family
    measure = finding.requirement.measure
    bundled = (family for family in FAMILIES.values() if measure in family.measures)
    return next(bundled, Family(name=measure))


def _above(finding: Finding, tier: object) -> bool:
    """Whether the row was left out because its tier is above the run's."""
    if tier not in TIERS or finding.requirement.tier not in TIERS:
        return False
    return not finding.in_scope and TIERS.index(finding.requirement.tier) > TIERS.index(tier)


def sentence(assessment: Assessment) -> str:
    """`nothing is said about latency, nor about evasion (its rows are in a higher tier)`.

    "" where every family has a row in the run's tier.
    """
    parts = []
    if topics := _topics(without_row(assessment)):
        parts.append(f"nothing is said about {topics}")
    if families := above_tier(assessment):
        whose = "its" if len(families) == 1 else "their"
        topics = _topics(families)
        said = "nor" if parts else "nothing is said"
        parts.append(f"{said} about {topics} ({whose} rows are in a higher tier)")
    return ", ".join(parts)


def _topics(families: list[Family]) -> str:
    return ", ".join(line(one.topic or one.title or one.name, 60) for one in families)


def about_evasion(assessment: Assessment) -> bool:
    """Whether no row searches for adversarial examples, or proves that there are none."""
    absent = without_row(assessment)
    return ADVERSARIAL in absent and CERTIFIED in absent
