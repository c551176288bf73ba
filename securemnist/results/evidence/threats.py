"""Evidence of a threat model: the threats that no row of the policy tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from securemnist.results.evidence.base import Evidence
from securemnist.results.json_model import JsonModel


@dataclass(frozen=True, kw_only=True)
class UncoveredThreat(JsonModel):
    """A threat, the components and flows that it concerns, and the rows that the policy lacks."""

    id: str
    category: str
    on: list[str]
    title: str
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ThreatEvidence(Evidence):
    """Evidence of a count of threats; `reviewed` is the ISO date of the model's last review."""

    threats: list[UncoveredThreat] | None = None
    reviewed: str = ""
    kind: Literal["threats"] = "threats"
