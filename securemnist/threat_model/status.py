"""The status of a threat: the worst verdict of the rows that test its mitigations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from securemnist.results.findings import Finding
from securemnist.results.verdicts import Verdict
from securemnist.threat_model.model import ThreatModel, testing_rows
from securemnist.threat_model.threat import Threat


class Status(StrEnum):
    """What the rows of a threat came to; only `covered` is good."""

    FAILING = "failing"
    UNDECIDED = "undecided"
    UNCOVERED = "uncovered"
    NOT_RUN = "not run"
    WAIVED = "waived"
    COVERED = "covered"


# Worst first.
ORDER = tuple(Status)
SYMBOLS = {
    Status.FAILING: "✗",
    Status.UNDECIDED: "?",
    Status.UNCOVERED: "○",
    Status.NOT_RUN: "\N{EN DASH}",
    Status.WAIVED: "⚑",
    Status.COVERED: "✓",
}
# The verdict whose colour a status has.
VERDICTS = {
    Status.FAILING: Verdict.FAIL,
    Status.UNDECIDED: Verdict.INCONCLUSIVE,
    Status.UNCOVERED: Verdict.ERROR,
    Status.NOT_RUN: Verdict.NOT_RUN,
    Status.WAIVED: Verdict.NOT_RUN,
    Status.COVERED: Verdict.PASS,
}
MEANINGS = {
    Status.FAILING: "a row that tests it failed",
    Status.UNDECIDED: "a row that tests it decided nothing",
    Status.UNCOVERED: "no row of the policy tests it, or it names one that the policy lacks",
    Status.NOT_RUN: "a row that tests it was not measured",
    Status.WAIVED: "a row that tests it did not pass, and is waived",
    Status.COVERED: "all rows that test it passed",
}


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
