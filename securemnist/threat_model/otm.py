"""Open Threat Model 0.2.0 (IriusRisk, https://github.com/iriusrisk/OpenThreatModel)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from securemnist.threat_model.elements import Component, Element
from securemnist.threat_model.export_text import mitigations, status_of, tested_by, weaknesses
from securemnist.threat_model.model import ThreatModel
from securemnist.threat_model.status import Judged, Status
from securemnist.threat_model.threat import LIKELIHOODS, SEVERITIES, Mitigation
from securemnist.view import taxonomy

VERSION = "0.2.0"
# Percent, as OTM counts risk.
_DEGREES = {"minimal": 20, "low": 40, "moderate": 60, "high": 80, "maximal": 100}
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
                "risk": {
                    "confidentiality": _DEGREES[asset.confidentiality],
                    "integrity": _DEGREES[asset.integrity],
                    "availability": _DEGREES[asset.availability],
                },
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
        "id": component.id,
        "name": component.title,
        "type": component.kind.replace(" ", "-"),
        "description": component.description,
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
                {"mitigation": name, "state": _state(one, mitigation)}
                for name, _, mitigation in mitigations([one])
            ],
        }
        for one in judged
        if element in one.threat.on
    ]


def _state(judged: Judged, mitigation: Mitigation) -> str:
    if not mitigation.requirements:
        return "recommended"
    return "implemented" if status_of(judged, mitigation) is Status.COVERED else "required"


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
