"""The status of a threat: the worst verdict of the rows that test its mitigations; their matrix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from securemnist.results.findings import Finding
from securemnist.results.verdicts import Verdict
from securemnist.threat_model.elements import Category, Threat
from securemnist.threat_model.model import ThreatModel, testing_rows


class Status(StrEnum):
    """What the rows of a threat came to, the worst first; only `covered` is good.

    `verdict`: the one whose colour a status has.
    """

    symbol: str
    verdict: Verdict
    meaning: str

    def __new__(cls, word: str, symbol: str, verdict: Verdict, meaning: str) -> Status:
        made = str.__new__(cls, word)
        made._value_, made.symbol, made.verdict, made.meaning = word, symbol, verdict, meaning
        return made

    FAILING = "failing", "✗", Verdict.FAIL, "a row that tests it failed"
    UNDECIDED = "undecided", "?", Verdict.INCONCLUSIVE, "a row that tests it decided nothing"
    UNCOVERED = (
        *("uncovered", "○", Verdict.ERROR),
        "no row of the policy tests it, or it names one that the policy lacks",
    )
    NOT_RUN = "not run", "\N{EN DASH}", Verdict.NOT_RUN, "a row that tests it was not measured"
    WAIVED = "waived", "⚑", Verdict.NOT_RUN, "a row that tests it did not pass, and is waived"
    COVERED = "covered", "✓", Verdict.PASS, "all rows that test it passed"


ORDER = tuple(Status)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A threat with its status; `rows`: the status of each row that it names."""

    threat: Threat
    status: Status
    rows: Mapping[str, Status]

    @property
    def tested(self) -> int:
        """The number of its mitigations that a row tests."""
        return sum(bool(mitigation.requirements) for mitigation in self.threat.mitigations)


def of_finding(finding: Finding, day: str) -> Status:
    """The status that one row gives; `day` (ISO date, UTC) decides whether a waiver is in effect."""
    if not finding.in_scope:
        return Status.NOT_RUN
    if finding.waived(day):
        return Status.WAIVED
    return {
        Verdict.PASS: Status.COVERED,
        Verdict.FAIL: Status.FAILING,
        Verdict.NOT_RUN: Status.NOT_RUN,
    }.get(finding.verdict, Status.UNDECIDED)


def judge(model: ThreatModel, findings: Iterable[Finding], day: str) -> list[Judged]:
    """Every threat with its status, in the order of the file.

    `findings`: one for every row of the policy, so that a row without one is missing in the policy.
    A row that counts threats tests none.
    """
    rows = {finding.requirement.id: finding for finding in findings}
    testing = testing_rows(finding.requirement for finding in rows.values())
    known = {row: of_finding(rows[row], day) for row in testing}
    judged = []
    for threat in model.threats:
        own = {row: known.get(row, Status.UNCOVERED) for row in threat.requirements}
        judged.append(Judged(threat=threat, status=worst(own.values()), rows=own))
    return judged


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of them; without one nothing is tested."""
    return min(statuses, key=ORDER.index, default=Status.UNCOVERED)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The threats of one category to one element, the worst first."""

    threats: tuple[Judged, ...]

    @property
    def status(self) -> Status:
        """The worst status."""
        return worst(one.status for one in self.threats)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One component or flow with a cell for each category; None where there is no threat."""

    id: str
    title: str
    cells: tuple[Cell | None, ...]


def matrix(model: ThreatModel, judged: Sequence[Judged]) -> list[Line]:
    """A line for every component, and for every flow with a threat."""
    flows = {flow.id for flow in model.flows}
    lines = []
    for element, title in model.titles.items():
        own = [one for one in judged if element in one.threat.on]
        if own or element not in flows:
            cells = tuple(_cell(own, category) for category in Category)
            lines.append(Line(id=element, title=title, cells=cells))
    return lines


def _cell(judged: Sequence[Judged], category: Category) -> Cell | None:
    own = (one for one in judged if one.threat.category is category)
    ranked = tuple(sorted(own, key=lambda one: ORDER.index(one.status)))
    return Cell(threats=ranked) if ranked else None
