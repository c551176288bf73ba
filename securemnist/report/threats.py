"""The threat model of an assessment: a section of the report, and a page of its own beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securemnist import threat_model
from securemnist.errors import PolicyError
from securemnist.report.rows import rows
from securemnist.results.assessment import Assessment
from securemnist.sanitize import line
from securemnist.threat_model.diagram import diagram
from securemnist.threat_model.elements import Category
from securemnist.threat_model.status import ORDER, Judged, Line, Status, matrix, worst
from securemnist.view import jinja, taxonomy
from securemnist.view.figure import Exhibit, Panel, Table
from securemnist.view.numbers import NONE, Count, counts, plural
from securemnist.view.wording import kind, version_of

PAGE = "threats.html"
_TEMPLATES = Path(__file__).parent / "templates"
CATEGORIES = tuple((str(one), taxonomy.name(f"STRIDE:{one}")) for one in Category)
_SYMBOLS = {status: status.symbol for status in Status}


@dataclass(frozen=True, kw_only=True)
class Threats:
    """The threats of an assessment with their status; `problem` says why there are none."""

    model: threat_model.ThreatModel | None = None
    judged: tuple[Judged, ...] = ()
    problem: str = ""

    @property
    def counts(self) -> tuple[Count, ...]:
        """The number of threats of each status that occurs, the worst first."""
        return counts((one.status for one in self.judged), _SYMBOLS)

    @property
    def status(self) -> Status:
        """The worst one."""
        return worst(one.status for one in self.judged)

    @property
    def ranked(self) -> list[Judged]:
        """The worst threats first, of those the ones with the highest score."""
        return sorted(self.judged, key=lambda j: (ORDER.index(j.status), -j.threat.score))

    @property
    def matrix(self) -> list[Line]:
        """Components and flows by category."""
        return [] if self.model is None else matrix(self.model, self.judged)

    @property
    def mitigations(self) -> tuple[int, int]:
        """How many mitigations a row tests, and how many there are."""
        tested = sum(one.tested for one in self.judged)
        return tested, sum(len(one.threat.mitigations) for one in self.judged)

    @property
    def headline(self) -> str:
        """`1 of 23 threats is failing`, `all 23 threats are covered`."""
        number = sum(one.status is self.status for one in self.judged)
        total = plural(len(self.judged), "threat")
        if number == len(self.judged) > 1:
            return f"all {total} are {self.status}"
        return f"{number:,} of {total} {'is' if number == 1 else 'are'} {self.status}"


def of(assessment: Assessment) -> Threats | None:
    """The threats of an assessment; None where it was made without a threat model."""
    text = assessment.threat_model.get("text")
    if not assessment.threat_model:
        return None
    try:
        model = threat_model.parse(text if isinstance(text, str) else "", "threats.toml")
    except PolicyError as error:
        return Threats(problem=line(error, 400))
    judged = threat_model.judge(model, assessment.findings, assessment.decided)
    return Threats(model=model, judged=tuple(judged))


def words() -> dict[str, Any]:
    """What the templates of the section and of the page use to show a status."""
    kinds = {status: kind(status.verdict) for status in Status}
    return {"categories": CATEGORIES, "status_kinds": kinds, "status_symbols": _SYMBOLS}


def render(assessment: Assessment, threats: Threats) -> bytes:
    """The page of the threat model; equal assessments give equal bytes."""
    model = threats.model
    if model is None:
        raise ValueError("expected a threat model that was read, got none")
    return jinja.page(
        "threats.html.j2",
        _TEMPLATES,
        model=model,
        threats=threats,
        subject=version_of(assessment),
        day=line(assessment.decided, 20),
        anchors={row.finding.requirement.id: row.anchor for row in rows(assessment.findings, "")},
        picture=_picture(model, threats.judged),
        tables=_tables(model),
        meanings=[(f"{one.symbol} {one}", one.meaning) for one in Status],
        titles=model.titles,
        adversaries={one.id: one.title for one in model.adversaries},
        **words(),
    )


def _picture(model: threat_model.ThreatModel, judged: Sequence[Judged]) -> Exhibit:
    titles = model.titles
    flows = tuple(
        (
            str(number),
            flow.title,
            f"{titles[flow.source]} {'↔' if flow.both_ways else '→'} {titles[flow.destination]}",
            "yes" if flow.encrypted else "no",
            "yes" if flow.sensitive else "no",
            ", ".join(one.threat.id for one in judged if flow.id in one.threat.on) or NONE,
        )
        for number, flow in enumerate(model.flows, 1)
    )
    return Exhibit(
        kind="flows",
        title="Data-flow diagram",
        caption="Columns are trust zones. A rectangle is an external entity, cut corners are a "
        "process, two lines a store. The numbers are those of the table.",
        panels=(Panel(diagram(model, judged), "", large=True),),
        table=Table(
            head=("flow", "title", "from, to", "encrypted", "sensitive", "threats"),
            rows=flows,
            prose=True,
        ),
    )


def _tables(model: threat_model.ThreatModel) -> list[tuple[str, Table]]:
    """What the model says of the system, as tables with their titles."""
    zones = {zone.id: zone.title for zone in model.zones}
    parts = ((c.title, c.kind, zones[c.zone], c.description) for c in model.components)
    assets = (
        (a.title, a.confidentiality, a.integrity, a.availability,
         ", ".join(model.titles[store] for store in a.stores) or NONE, a.description)
        for a in model.assets
    )  # fmt: skip
    boundaries = (
        (b.title, " and ".join(zones[zone] for zone in b.between), b.authentication)
        for b in model.boundaries
    )
    adversaries = (
        (a.title, a.access, a.skill.replace("_", " "), a.likely, a.description)
        for a in model.adversaries
    )
    assumptions = ((a.text, a.validity) for a in model.assumptions)
    tables = {
        "Components": ("component kind zone description", parts),
        "Assets": ("asset confidentiality integrity availability where description", assets),
        "Trust boundaries": ("boundary between authentication", boundaries),
        "Adversaries": ("adversary access skill likely description", adversaries),
        "Assumptions": ("assumption validity", assumptions),
    }
    return [
        (title, Table(head=tuple(head.split()), rows=tuple(rows)))
        for title, (head, rows) in tables.items()
    ]
