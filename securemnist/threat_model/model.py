"""The threat model of a project: threats.toml beside its policy, read as a hostile file."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from securemnist._util.parsing import toml_table
from securemnist._util.strict import Strict
from securemnist._util.toml_file import toml_file
from securemnist.errors import ParseError, PolicyError
from securemnist.results.findings import Requirement
from securemnist.results.validation_text import sentence
from securemnist.results.verdicts import utc_day
from securemnist.sanitize import line
from securemnist.threat_model.elements import (
    MOST,
    Adversary,
    Asset,
    Assumption,
    Boundary,
    Component,
    Flow,
    Scope,
    Text,
    Title,
    Zone,
)
from securemnist.threat_model.references import check
from securemnist.threat_model.threat import Threat

COUNTING = "uncovered_threats"  # the measure that counts threats, and so tests none


def testing_rows(rows: Iterable[Requirement]) -> list[str]:
    """The ids of the rows that can test a threat: all but those that count threats."""
    return [row.id for row in rows if row.measure != COUNTING]


class ThreatModel(Strict):
    """Assets, zones, boundaries, components, flows, adversaries and threats of one system.

    `reviewed`: the day on which people last compared it with the system.
    """

    title: Title
    description: Text
    reviewed: datetime.date
    scope: Scope | None = None
    zones: list[Zone] = Field(min_length=1, max_length=12)  # columns of the diagram
    components: list[Component] = Field(min_length=1, max_length=MOST)
    assets: list[Asset] = Field(default_factory=list, max_length=MOST)
    flows: list[Flow] = Field(default_factory=list, max_length=MOST)
    boundaries: list[Boundary] = Field(default_factory=list, max_length=MOST)
    adversaries: list[Adversary] = Field(min_length=1, max_length=MOST)
    assumptions: list[Assumption] = Field(default_factory=list, max_length=MOST)
    threats: list[Threat] = Field(min_length=1, max_length=MOST)

    @field_validator("reviewed")
    @classmethod
    def _not_ahead(cls, reviewed: datetime.date) -> datetime.date:
        last = datetime.date.fromisoformat(utc_day()) + datetime.timedelta(days=1)  # east of UTC
        if reviewed > last:
            raise ValueError(f"expected a day of the past, got {reviewed}; fix it")
        return reviewed

    @property
    def titles(self) -> dict[str, str]:
        """Titles of components and flows by id, in the order of the file."""
        return {element.id: element.title for element in (*self.components, *self.flows)}

    def unknown_requirements(self, known: Iterable[str]) -> dict[str, list[str]]:
        """By threat, the requirements that the policy lacks; `known`: those of `testing_rows`."""
        rows = set(known)
        missing = {t.id: [r for r in t.requirements if r not in rows] for t in self.threats}
        return {threat: absent for threat, absent in missing.items() if absent}

    def uncovered(self, known: Iterable[str]) -> list[Threat]:
        """Threats that no row of the policy tests, or that name a row which it lacks."""
        unknown = self.unknown_requirements(known)
        return [t for t in self.threats if not t.requirements or t.id in unknown]


def load(path: Path) -> ThreatModel:
    """Read a threat model; PolicyError with one sentence for the first thing that is wrong."""
    return _validated(toml_file(path, "a threat model", PolicyError), str(path))


@functools.lru_cache(maxsize=4)  # an assessment reads the same text five times
def parse(text: str, path: str) -> ThreatModel:
    """The threat model of a TOML text; `path` is for messages."""
    try:
        return _validated(toml_table(text), path)
    except ParseError as error:
        raise PolicyError(f"{path}: expected TOML, got {error}; fix the file") from error


def _validated(table: dict[str, Any], path: str) -> ThreatModel:
    try:
        model = ThreatModel.model_validate(table)
    except ValidationError as error:
        raise PolicyError(f"{path}: {_place(error, table)}{sentence(error)}") from error
    check(model, path)
    return model


def _place(error: ValidationError, table: dict[str, Any]) -> str:
    """`threats S-04: ` for an error in that entry of a list; "" elsewhere."""
    kind, number, *_ = (*error.errors()[0]["loc"], None, None)
    if not isinstance(number, int):
        return ""
    entry = table[str(kind)][number]
    name = entry.get("id") if isinstance(entry, dict) else None
    return f"{kind} {line(name or f'number {number + 1}', 60)}: "
