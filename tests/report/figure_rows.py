"""Rows with one piece of evidence replaced."""

from __future__ import annotations

import dataclasses
from typing import Any

from securemnist.results.evidence.attack import AttackEvidence
from securemnist.results.findings import Finding
from securemnist.results.json_model import JsonModel
from tests.report import example

ROBUST = next(f for f in example.findings() if f.requirement.id == "ADV-02")


def with_evidence(
    evidence: dict[str, Any], finding: Finding = ROBUST, kind: type[JsonModel] = AttackEvidence
) -> Finding:
    """The finding with this evidence instead of its own."""
    assert finding.measurement is not None
    measurement = dataclasses.replace(finding.measurement, evidence=kind.from_json(evidence))
    return dataclasses.replace(finding, measurement=measurement)
