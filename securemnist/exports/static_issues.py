"""The issues of Bandit and Semgrep in an assessment, tool by tool, with their identity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from securemnist.exports import identity, severity
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.static import AcceptedIssue, StaticEvidence, StaticIssue
from securemnist.results.findings import Finding
from securemnist.sanitize import line
from securemnist.view import waiver_text

OURS = "securemnist"  # the tool of an issue for a file that none can read
TOOLS = ("bandit", "semgrep")
_BY = {
    "baseline": ("external", "accepted in the baseline of the row"),
    "comment": ("inSource", "suppressed by a comment in the source"),
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """An issue as one tool names it. `accepted`: by what it does not count, in SARIF's word and in ours.

    `fingerprint`: SHA-256, equal as long as the file has no other issue of the rule before it.
    """

    issue: StaticIssue
    rule: str
    accepted: tuple[str, str] | None
    fingerprint: str


def rows(assessment: Assessment) -> list[Finding]:
    """The static rows in scope."""
    found = (f for f in assessment.findings if f.requirement.measure == "static_findings")
    return [finding for finding in found if finding.in_scope]


def measured_by(finding: Finding, tool: str) -> bool:
    """Whether the tool has read the code for this row."""
    evidence = _evidence(finding)
    if evidence is None or evidence.static is None:
        return False
    named = finding.requirement.settings.get("tools")
    return not isinstance(named, list | tuple) or tool in named


def issues(assessment: Assessment, tool: str) -> list[Found]:
    """The issues of a tool in all rows in scope, each once: those that count first, the worst first."""
    unique: dict[tuple[str, StaticIssue], tuple[str, str] | None] = {}
    for row in rows(assessment):
        for rule, issue, accepted in _of_row(row, tool, assessment.decided):
            plain = {name: getattr(issue, name) for name in StaticIssue.__dataclass_fields__}
            key = rule, StaticIssue(**plain)
            unique[key] = accepted and unique.get(key, accepted)  # what counts in one row counts
    count = Counter[tuple[str, str]]()
    found = []
    for (rule, issue), accepted in sorted(
        unique.items(), key=lambda one: (one[0][1].file, one[0][1].line, one[0][1].message)
    ):
        count[rule, issue.file] += 1
        mark = identity.of_issue(tool, rule, issue.file, count[rule, issue.file])
        found.append(Found(issue=issue, rule=rule, accepted=accepted, fingerprint=mark))
    return sorted(
        found, key=lambda one: (one.accepted is not None, -severity.rank(one.issue.severity))
    )


def _of_row(
    finding: Finding, tool: str, day: str
) -> Iterator[tuple[str, StaticIssue, tuple[str, str] | None]]:
    evidence = _evidence(finding)
    waiver = ("external", waiver_text.effect(finding, day)) if finding.waived(day) else None
    for issue in [*(evidence.static or []), *evidence.not_counted] if evidence else []:
        accepted = _BY[issue.by] if isinstance(issue, AcceptedIssue) else waiver
        for rule in _rules(issue, tool):
            yield rule, issue, accepted


def _evidence(finding: Finding) -> StaticEvidence | None:
    return finding.evidence if isinstance(finding.evidence, StaticEvidence) else None


def _rules(issue: StaticIssue, tool: str) -> Iterable[str]:
    """The tool's own rules for an issue: one that both tools report names Bandit's, then Semgrep's."""
    if issue.tool in (tool, OURS):
        return [line(issue.rule, 100)]
    if issue.tool != ", ".join(TOOLS):
        return []
    *first, last = (line(rule, 100) for rule in issue.rule.split(", ")[-20:])
    return first if tool == TOOLS[0] else [last]
