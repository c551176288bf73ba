"""Families of measures that a policy has no row of: a pass says nothing about them."""

from __future__ import annotations

from securemnist.results.assessment import Assessment
from securemnist.results.families import ADVERSARIAL, CERTIFIED, FAMILIES, SERVICE, Family


def without_row(assessment: Assessment) -> list[Family]:
    """The bundled families that the policy has no row of, whatever the scope of the run was.

    A service is left out: many models are never served, and its rows are about another program.
    """
    rows = assessment.findings
    measured = {finding.requirement.measure for finding in rows}
    named = {finding.family.name for finding in rows}  # a suite of the user's own may name one
    return [
        family
        for name, family in FAMILIES.items()
        if family is not SERVICE
        and name not in named
        and not measured.intersection(family.measures)
    ]


def sentence(assessment: Assessment) -> str:
    """`nothing is said about evasion, latency`; "" where every family has a row."""
    topics = ", ".join(family.topic for family in without_row(assessment))
    return f"nothing is said about {topics}" if topics else ""


def about_evasion(assessment: Assessment) -> bool:
    """Whether no row searches for adversarial examples, or proves that there are none."""
    absent = without_row(assessment)
    return ADVERSARIAL in absent and CERTIFIED in absent
