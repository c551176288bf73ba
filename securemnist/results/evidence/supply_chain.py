"""Evidence of a supply chain: what was checked, where, what was expected and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from securemnist.results.evidence.base import Evidence
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Flag


@dataclass(frozen=True)
class SupplyCheck(JsonModel):
    """One check: a package, a file or data, and the place, such as `requirements.txt:7`."""

    name: str
    place: str
    expected: str
    found: str
    holds: Flag


@dataclass(frozen=True, kw_only=True)
class SupplyChainEvidence(Evidence):
    """Evidence of a row of the supply chain; `about` names what was read, in a few words."""

    checks: list[SupplyCheck] | None = None
    about: str = ""
    kind: Literal["supply_chain"] = "supply_chain"
