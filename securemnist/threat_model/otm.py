"""Open Threat Model 0.2.0 (IriusRisk, https://github.com/iriusrisk/OpenThreatModel)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from securemnist.threat_model.elements import LIKELIHOODS, SEVERITIES, Component, Element
from securemnist.threat_model.export_text import mitigations, state_of, tested_by, weaknesses
from securemnist.threat_model.model import ThreatModel
from securemnist.threat_model.status import Judged, Status
from securemnist.view import taxonomy

VERSION = "0.2.0"
# Percent, as OTM counts risk.
_NEEDS = ("confidentiality", "integrity", "availability")
_DEGREES = {"minimal": 20, "low": 40, "moderate": 60, "high": 80, "maximal": 100}
_PROGRESS = {"none": "recommended", "covered": "implemented", "other": "required"}
_STATES = {Status.COVERED: "mitigated", Status.WAIVED: "accepted"}


def document(model: ThreatModel, judged: Sequence[Judged]) -> dict[str, Any]:
    """The model as OTM; the exact status of each threat is among its attributes."""
    return {
        "otmVersion": VERSION,
        "project": {
            "name": model.title,
            "id": "securemnist-threat-model",
            "description": model.description,
            "attributes": {"reviewed": model.reviewed.isoformat()},
        },
        "assets": [
            {
                **_named(asset),
                "risk": {need: _DEGREES[getattr(asset, need)] for need in _NEEDS},
            }
            for asset in model.assets
        ],
        "trustZones": [
            {**_named(zone), "risk": {"trustRating": zone.trust}} for zone in model.zones
        ],
        "components": [_component(model, one, judged) for one in model.components],
        "dataflows": [
            {
                **_named(flow),
                "bidirectional": flow.both_ways,
                "source": flow.source,
                "destination": flow.destination,
                "threats": _instances(flow.id, judged),
                "attributes": {"encrypted": flow.encrypted, "sensitive": flow.sensitive},
            }
            for flow in model.flows
        ],
        "threats": [_threat(one) for one in judged],
        # How much a mitigation reduces the risk is not measured.
        "mitigations": [
            {"id": name, "name": m.text, "description": tested_by(m), "riskReduction": 0}
            for name, _, m in mitigations(judged)
        ],
    }


def _named(element: Element) -> dict[str, str]:
    return {"id": element.id, "name": element.title, "description": element.description}


def _component(
    model: ThreatModel, component: Component, judged: Sequence[Judged]
) -> dict[str, Any]:
    stored = [asset.id for asset in model.assets if component.id in asset.stores]
    return {
        **_named(component),
        "type": component.kind.replace(" ", "-"),
        "parent": {"trustZone": component.zone},
        "assets": {"stored": stored},
        "threats": _instances(component.id, judged),
    }


def _instances(element: str, judged: Sequence[Judged]) -> list[dict[str, Any]]:
    return [
        {
            "threat": one.threat.id,
            "state": _STATES.get(one.status, "exposed"),
            "mitigations": [
                {"mitigation": name, "state": state_of(one, mitigation, **_PROGRESS)}
                for name, _, mitigation in mitigations([one])
            ],
        }
        for one in judged
        if element in one.threat.on
    ]


def _threat(judged: Judged) -> dict[str, Any]:
    threat = judged.threat
    return {
        "id": threat.id,
        "name": threat.title,
        "description": threat.scenario,
        "categories": [taxonomy.name(f"STRIDE:{threat.category}")],
        "cwes": weaknesses(judged),
        "risk": {
            "likelihood": 20 * (1 + LIKELIHOODS.index(threat.likelihood)),
            "likelihoodComment": threat.likelihood,
            "impact": 20 * (1 + SEVERITIES.index(threat.severity)),
            "impactComment": threat.impact,
        },
        "tags": [*threat.ids],
        "attributes": {
            "status": str(judged.status),
            "requirements": {row: str(status) for row, status in judged.rows.items()},
        },
    }
