"""OWASP TM-BOM 1.0.2, the schema of the OWASP Threat Model Library.

https://owasp.org/www-project-threat-model-library/; OWASP Threat Dragon reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from securemnist.errors import UsageError
from securemnist.threat_model.elements import Adversary, Element, Mitigation
from securemnist.threat_model.export_text import mitigations, state_of, tested_by, weaknesses
from securemnist.threat_model.model import ThreatModel
from securemnist.threat_model.status import Judged
from securemnist.view import taxonomy

SCHEMA = (
    "https://github.com/OWASP/www-project-threat-model-library/blob/v1.0.2/threat-model.schema.json"
)
# Where the status of each threat is, which the schema has no place for. A name, not an address.
EXTENSION = "securemnist.invalid/threat-status"
_TYPES = {"external entity": "actor", "process": "component", "store": "data-store"}
_CONTROLS = {"none": "suggested", "covered": "active", "other": "under_review"}
_PRIORITIES = {
    "very_low": "low", "low": "low", "medium": "medium", "high": "high", "very_high": "critical",
    "critical": "critical",
}  # fmt: skip


def document(model: ThreatModel, judged: Sequence[Judged]) -> dict[str, Any]:
    """The model as TM-BOM; UsageError without the table [scope], which the schema requires."""
    if model.scope is None:
        raise UsageError(
            "expected a table [scope] in the threat model for TM-BOM, got none; add it with "
            "criticality, exposure, tier and sensitivity"
        )
    return {
        "$schema": SCHEMA,
        # Without `reviewed_at`: programs that check no formats take a date for both of its forms.
        "version": f"{model.reviewed:%Y.%m.%d}",
        "scope": {
            "title": model.title,
            "description": model.description,
            "business_criticality": model.scope.criticality,
            "data_sensitivity": model.scope.sensitivity,
            "exposure": model.scope.exposure,
            "tier": model.scope.tier,
        },
        "description": model.description,
        **_system(model),
        "assumptions": [
            {"description": one.text, "validity": one.validity} for one in model.assumptions
        ],
        "threat_personas": [_persona(one) for one in model.adversaries],
        "threats": [_threat(model, one) for one in judged],
        "controls": [_control(*one) for one in mitigations(judged)],
        "risks": [_risk(one) for one in judged],
        "extensions": {EXTENSION: [_status(one) for one in judged]},
    }


def _persona(one: Adversary) -> dict[str, Any]:
    return {
        **_named(one),
        "is_person": one.person,
        "skill_level": one.skill,
        "access_level": one.access,
        "malicious_intent": one.malicious,
        "applicability_to_org": one.likely,
    }


def _control(name: str, one: Judged, mitigation: Mitigation) -> dict[str, Any]:
    return {
        "symbolic_name": name,
        "title": mitigation.text,
        "description": f"{mitigation.text}; {tested_by(mitigation)}",
        "threats": [one.threat.id.lower()],
        "status": state_of(one, mitigation, **_CONTROLS),
        "priority": _PRIORITIES[one.threat.level],
    }


def _named(element: Element) -> dict[str, str]:
    name, title = element.id, element.title
    return {"symbolic_name": name, "title": title, "description": element.description}


def _system(model: ThreatModel) -> dict[str, Any]:
    """Zones, boundaries, components by their kind, data and flows."""
    types = {component.id: _TYPES[component.kind] for component in model.components}
    kinds: dict[str, list[dict[str, Any]]] = {kind: [] for kind in _TYPES}
    for c in model.components:
        type_ = {"external entity": c.role, "store": "object"}.get(c.kind)
        kinds[c.kind].append(
            {**_named(c), "trust_zone": c.zone, **({"type": type_} if type_ else {})}
        )
    return {
        "trust_zones": [_named(zone) for zone in model.zones],
        "trust_boundaries": [
            {
                "trust_zone_a": one.between[0],
                "trust_zone_b": one.between[1],
                "authentication_methods": [one.authentication],
            }
            for one in model.boundaries
        ],
        "actors": kinds["external entity"],
        "components": kinds["process"],
        "data_stores": kinds["store"],
        "data_sets": [
            {
                **_named(asset),
                "placements": [{"data_store": store} for store in asset.stores],
                "data_sensitivity": [],
            }
            for asset in model.assets
        ],
        "data_flows": [
            {
                **_named(flow),
                "source": {"type": types[flow.source], "object": flow.source},
                "destination": {"type": types[flow.destination], "object": flow.destination},
                "has_sensitive_data": flow.sensitive,
                "encrypted": flow.encrypted,
            }
            for flow in model.flows
        ],
    }


def _threat(model: ThreatModel, judged: Judged) -> dict[str, Any]:
    threat = judged.threat
    components = {component.id for component in model.components}
    malicious = {one.id: one.malicious for one in model.adversaries}[threat.adversary]
    return {
        "symbolic_name": threat.id.lower(),
        "title": threat.title,
        "description": f"{threat.impact} Status: {judged.status}.",
        "components_affected": [element for element in threat.on if element in components],
        "threat_persona": threat.adversary,
        "event": threat.scenario,
        "sources": ["adversary" if malicious else "human_error"],
        "weaknesses": [
            {"cwe_id": int(name.removeprefix("CWE-")), "cwe_title": taxonomy.name(name) or name}
            for name in weaknesses(judged)
        ],
    }


def _risk(judged: Judged) -> dict[str, Any]:
    threat = judged.threat
    return {
        "symbolic_name": f"risk-{threat.id.lower()}",
        "title": threat.title,
        "description": threat.scenario,
        "threats": [threat.id.lower()],
        "likelihood": threat.likelihood,
        "impact": threat.severity,
        "impact_description": threat.impact,
        "score": threat.score,
        "level": threat.level,
    }


def _status(judged: Judged) -> dict[str, Any]:
    threat = judged.threat
    return {
        "threat": threat.id.lower(),
        "status": str(judged.status),
        "category": taxonomy.name(f"STRIDE:{threat.category}"),
        "concerns": [*threat.on],
        "requirements": {row: str(status) for row, status in judged.rows.items()},
        "identifiers": [*threat.ids],
    }
