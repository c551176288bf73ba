"""The entries of a threat model: the parts of a system, adversaries, threats in the terms of STRIDE."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from securemnist import sanitize
from securemnist._util.strict import Strict

Degree = Literal["minimal", "low", "moderate", "high", "maximal"]
# An id is a name in exports, too: OWASP TM-BOM allows these characters only.
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
MOST = 200  # entries of one kind


def _visible(text: str) -> str:
    """The text; ValueError for characters that hide or reorder others: exports carry them as they are."""
    if sanitize.hides(text):
        raise ValueError(f"expected visible characters only, got {text!a:.80}; remove the others")
    return sanitize.readable(text)


def _one_line(text: str) -> str:
    """The text; ValueError for a line break, which would end the line of a table."""
    if text.splitlines() != [text]:
        raise ValueError(f"expected one line, got {text!r:.80}; remove the line break")
    return text


Text = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_visible)]
Title = Annotated[
    str, Field(min_length=1, max_length=80), AfterValidator(_visible), AfterValidator(_one_line)
]


class Element(Strict):
    """An entry with an id; `description` says what it is."""

    id: Id
    title: Title
    description: Text


class Scope(Strict):
    """How much depends on the system, in the terms of OWASP TM-BOM; that export needs it."""

    criticality: Degree
    exposure: Literal["internal", "external"]
    tier: Literal["mission_critical", "business_critical", "important", "non_critical"]
    sensitivity: list[
        Literal["pii", "phi", "fin", "ip", "cred", "biz", "gov", "pci", "op"]
    ] = Field(default_factory=list, max_length=9)  # fmt: skip


class Asset(Element):
    """What has to be protected, and how much its loss would cost; `stores`: where it is kept."""

    confidentiality: Degree
    integrity: Degree
    availability: Degree
    stores: list[Id] = Field(default_factory=list, max_length=MOST)


class Zone(Element):
    """Components that are trusted alike; `trust` in percent."""

    trust: Annotated[int, Field(ge=0, le=100)]


class Boundary(Strict):
    """Where data pass from one trust zone to another."""

    title: Title
    between: Annotated[list[Id], Field(min_length=2, max_length=2)]
    authentication: Literal[
        "none", "password", "otp", "challenge_response", "public_key", "token", "biometrics", "sso",
        "social",
    ] = "none"  # fmt: skip


class Component(Element):
    """An external entity, a process or a store, in a trust zone.

    `role`: what an external entity is allowed to do, in the terms of OWASP TM-BOM.
    """

    kind: Literal["external entity", "process", "store"]
    zone: Id
    role: Literal[
        "system", "user", "power_user", "administrator", "engineer", "third_party"
    ] = "third_party"  # fmt: skip


class Flow(Element):
    """Data that pass from one component to another, or in both directions."""

    source: Id
    destination: Id
    both_ways: bool = False
    encrypted: bool
    sensitive: bool


class Adversary(Element):
    """Who attacks, with which access and skill; `likely`: how likely such an adversary is."""

    person: bool = True
    malicious: bool = True
    access: Literal["anonymous", "user", "admin"]
    skill: Literal[
        "script_kid", "insider", "engineer", "expert_engineer", "oc_sponsored", "state_sponsored"
    ]  # fmt: skip
    likely: Degree


class Assumption(Strict):
    """What the model takes as true."""

    text: Text
    validity: Literal["unconfirmed", "confirmed", "rejected"] = "unconfirmed"


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
