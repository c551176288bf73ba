"""Uncovered threats: threats of the threat model that no row of the policy tests."""

from __future__ import annotations

from securemnist import threat_model
from securemnist.errors import MeasureError, NotApplicable
from securemnist.evaluation.context import Context
from securemnist.measures.base import Settings, count_measurement, counting
from securemnist.results.evidence.threats import ThreatEvidence, UncoveredThreat
from securemnist.results.families import THREAT_MODEL
from securemnist.results.findings import Measurement
from securemnist.results.threat_file import NAME


class CoverageSettings(Settings):
    """Settings of a row of the threat model: none."""


def uncovered_threats(context: Context, _: CoverageSettings, _seed: int) -> Measurement:
    """The number of threats without a row, or with a row that the policy lacks; the model is not used.

    NotApplicable without a policy, MeasureError without a threat model beside it.
    """
    policy = context.policy
    if policy is None:
        raise NotApplicable(
            "threats are compared with the rows of a policy; use `securemnist assess`"
        )
    if policy.threat_model is None:
        raise MeasureError(
            f"expected a threat model ({NAME}) in the folder of the policy, got none; write one, or "
            "remove the row"
        )
    model = threat_model.parse(policy.threat_model.text, policy.threat_model.path)
    rows = threat_model.testing_rows(policy.requirements)
    missing = model.unknown_requirements(rows)
    found = [
        UncoveredThreat(
            id=threat.id,
            category=str(threat.category),
            on=list(threat.on),
            title=threat.title,
            missing=missing.get(threat.id, []),
        )
        for threat in model.uncovered(rows)
    ]
    return count_measurement(
        len(found),
        len(model.threats),
        evidence=ThreatEvidence(threats=found, reviewed=model.reviewed.isoformat()),
    )


UNCOVERED_THREATS = counting(THREAT_MODEL, uncovered_threats, CoverageSettings, seconds=0.1)
