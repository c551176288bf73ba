"""Threats in the six categories of STRIDE, and their mitigations with the rows that test them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from securemnist._util.strict import Strict
from securemnist.threat_model.elements import MOST, Id, Text, Title


class Category(StrEnum):
    """A category of STRIDE, by its letter."""

    SPOOFING = "S"
    TAMPERING = "T"
    REPUDIATION = "R"
    DISCLOSURE = "I"
    DENIAL = "D"
    ELEVATION = "E"


Likelihood = Literal["rare", "unlikely", "possible", "likely", "certain"]
Severity = Literal["negligible", "minor", "moderate", "major", "severe"]
LIKELIHOODS: tuple[Likelihood, ...] = ("rare", "unlikely", "possible", "likely", "certain")
SEVERITIES: tuple[Severity, ...] = ("negligible", "minor", "moderate", "major", "severe")
# The largest score of each level: OWASP TM-BOM, likelihood times severity, 1 to 25.
_LEVELS = {2: "very_low", 4: "low", 9: "medium", 12: "high", 16: "very_high", 25: "critical"}


class Mitigation(Strict):
    """A countermeasure, and the ids of the rows of the policy that test it; none: it is not tested."""

    text: Text
    requirements: list[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]] = Field(
        default_factory=list, max_length=MOST
    )


class Threat(Strict):
    """One threat. `on`: the components and flows that it concerns.

    `ids`: identifiers of ATLAS, OWASP ML Top 10, CWE and NIST AI 100-2. `likelihood`, `severity`: the
    authors' judgement before any mitigation. `sources`: letters or names of where it is described.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,39}$")]
    category: Annotated[Category, Field(strict=False)]
    on: Annotated[list[Id], Field(min_length=1, max_length=MOST)]
    title: Title
    scenario: Text
    impact: Text
    adversary: Id
    likelihood: Likelihood
    severity: Severity
    mitigations: Annotated[list[Mitigation], Field(min_length=1, max_length=MOST)]
    ids: list[Title] = Field(default_factory=list, max_length=MOST)
    sources: list[Title] = Field(default_factory=list, max_length=MOST)

    @property
    def requirements(self) -> tuple[str, ...]:
        """The ids of all rows that test a mitigation, each once."""
        rows = (row for mitigation in self.mitigations for row in mitigation.requirements)
        return tuple(dict.fromkeys(rows))

    @property
    def score(self) -> int:
        """Likelihood times severity, 1 to 25."""
        return (1 + LIKELIHOODS.index(self.likelihood)) * (1 + SEVERITIES.index(self.severity))

    @property
    def level(self) -> str:
        """The level of the score: very_low, low, medium, high, very_high or critical."""
        return next(name for most, name in _LEVELS.items() if self.score <= most)
