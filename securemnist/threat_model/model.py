"""The threat model of a project: threats.toml beside its policy, read as a hostile file."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator

from securemnist._util.parsing import toml_file, toml_table
from securemnist._util.strict import Strict
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
    Threat,
    Title,
    Zone,
)

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
    _check(model, path)
    return model


def _place(error: ValidationError, table: dict[str, Any]) -> str:
    """`threats S-04: ` for an error in that entry of a list; "" elsewhere."""
    kind, number, *_ = (*error.errors()[0]["loc"], None, None)
    if not isinstance(number, int):
        return ""
    entry = table[str(kind)][number]
    name = entry.get("id") if isinstance(entry, dict) else None
    return f"{kind} {line(name or f'number {number + 1}', 60)}: "


def _check(model: ThreatModel, path: str) -> None:
    """PolicyError for an id that is used twice, names nothing, or crosses zones without a boundary."""
    elements = [*model.zones, *model.components, *model.assets, *model.flows, *model.adversaries]
    for ids in ([one.id for one in elements], [threat.id.casefold() for threat in model.threats]):
        for one in ids:
            if ids.count(one) > 1:
                raise PolicyError(
                    f"{path}: expected ids that differ in more than case, got {one!r} twice; "
                    "rename one"
                )
    for where, kind, named, known in _named(model):
        for one in named:
            if one not in known:
                raise PolicyError(
                    f"{path}: {where}: expected {kind} of {', '.join(known)[:300] or 'this file'}, "
                    f"got {one!r}; fix its spelling, or add it"
                )
    _check_boundaries(model, path)


def _named(model: ThreatModel) -> Iterator[tuple[str, str, Iterable[str], list[str]]]:
    """Each place that names others: where it is, what it names, the names, and those that exist."""
    zones, components = [z.id for z in model.zones], [c.id for c in model.components]
    stores = [c.id for c in model.components if c.kind == "store"]
    adversaries, flows = [a.id for a in model.adversaries], [f.id for f in model.flows]
    for component in model.components:
        yield f"component {component.id}", "a zone", [component.zone], zones
    for asset in model.assets:
        yield f"asset {asset.id}", "stores", asset.stores, stores
    for flow in model.flows:
        yield f"flow {flow.id}", "components", [flow.source, flow.destination], components
    for boundary in model.boundaries:
        yield f"boundary {boundary.title!r}", "zones", boundary.between, zones
    for threat in model.threats:
        yield f"threat {threat.id}", "an adversary", [threat.adversary], adversaries
        yield f"threat {threat.id}", "components or flows", threat.on, [*components, *flows]


def _check_boundaries(model: ThreatModel, path: str) -> None:
    """PolicyError for a flow between two zones that no boundary separates."""
    zone = {component.id: component.zone for component in model.components}
    separated = {frozenset(boundary.between) for boundary in model.boundaries}
    for flow in model.flows:
        ends = frozenset((zone[flow.source], zone[flow.destination]))
        if len(ends) == 2 and ends not in separated:
            raise PolicyError(
                f"{path}: flow {flow.id}: expected a boundary between the zones "
                f"{' and '.join(sorted(ends))}, which it crosses, got none; add one"
            )
