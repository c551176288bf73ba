"""Assessments of one row a verdict, and one with every field."""

from __future__ import annotations

from securemnist.results.assessment import Assessment
from securemnist.results.evidence.base import OtherEvidence
from securemnist.results.findings import Finding, Measurement, Requirement, Verdict, Waiver

DAY = "2026-11-21"
OUT = "out of scope"


def finding(verdict: Verdict, note: str = "") -> Finding:
    """A finding; `note` is an expiry date of its waiver, or OUT."""
    waiver = Waiver(reason="known", expires=note) if note and note != OUT else None
    row = Requirement(
        id=f"R-{verdict}{note}", measure="m", because="b", at_least=0.5, waiver=waiver
    )
    return Finding(requirement=row, verdict=verdict, in_scope=note != OUT)


def assessment(*findings: Finding) -> Assessment:
    """An assessment of these findings on DAY."""
    return Assessment(
        subject={"name": "net", "digest": "0" * 64},
        scope={"tier": "standard", "markers": "", "keywords": "", "paths": ["tests"]},
        environment={"python": "3.11"},
        policy={"path": "thresholds.toml", "digest": "1" * 64, "text": "é"},
        findings=findings,
        day=DAY,
    )


def rich() -> Assessment:
    """An assessment with a measured, a waived and an unmeasured row."""
    measurement = Measurement(
        value=0.9,
        low=0.8,
        high=0.95,
        n=9,
        complete=False,
        seconds=1.0,
        seed=0,
        evidence=OtherEvidence(table={"a": [1]}),
    )
    row = Requirement(id="A", measure="m", because="b", at_least=0.5, settings={"images": 9})
    return assessment(
        row.judge(measurement, claim="c", family="f"),
        finding(Verdict.FAIL, DAY),
        finding(Verdict.ERROR),
    )
