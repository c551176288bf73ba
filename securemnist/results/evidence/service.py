"""Evidence of a service: requests, what was expected of their answers, and what came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from securemnist.results.evidence.base import Evidence
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count, Flag


@dataclass(frozen=True, kw_only=True)
class ServiceCheck(JsonModel):
    """One check: what was sent, what was expected, what came, and whether that holds."""

    name: str
    expected: str
    found: str
    holds: Flag


@dataclass(frozen=True, kw_only=True)
class ServiceEvidence(Evidence):
    """Evidence of a control; `subject` is the address of a user's service, or says that it is our own."""

    checks: list[ServiceCheck] | None = None
    control: str = ""
    subject: str = ""
    requests: Count | None = None
    kind: Literal["service"] = "service"
