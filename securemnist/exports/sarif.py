"""results.sarif: the rows that did not pass, for code-scanning services.

A rule is a row. FAIL and ERROR have the kind "fail", INCONCLUSIVE "open", and a row in scope that was not
run "notApplicable". GitHub shows a result of any kind (https://github.com/microsoft/PSRule/issues/955).
So rows that passed and rows out of scope are no results; `properties.verdicts` lists them. Other services
drop every kind but "fail". So an undecided run also has one result of that kind, of the rule
`securemnist/not-decided`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from securemnist.exports import sarif_log, sarif_rules
from securemnist.exports.problems import Problem, problems, undecided
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding, Verdict
from securemnist.sanitize import line
from securemnist.view import waiver_text, wording

_KINDS = {Verdict.INCONCLUSIVE: "open", Verdict.NOT_RUN: "notApplicable"}
_NUMBERS = ("value", "low", "high", "n", "unit", "complete", "certified")
_EXIT = {
    0: "every row in scope passed or is waived",
    1: "a requirement failed",
    3: "something in scope was not decided",
}


def render(assessment: Assessment) -> bytes:
    """The log; equal assessments give equal bytes."""
    model = str(assessment.subject.get("name", ""))
    return sarif_log.dumps(
        sarif_log.driver(assessment, "securemnist", "securemnist"),
        sarif_rules.rules(assessment),
        (
            (one.rule, _result(assessment, one))
            for one in problems(assessment)[: sarif_log.MAX_RESULTS]
        ),
        _invocation(assessment),
        # By model and selection of rows: a run of fewer rows closes no finding of the others.
        sarif_log.category("securemnist", model, *wording.asked_for(assessment.scope)),
        _properties(assessment),
    )


def _result(assessment: Assessment, problem: Problem) -> dict[str, Any]:
    one, day, kind, waiver = problem.finding, assessment.decided, "fail", None
    if one is not None:
        kind = _KINDS.get(one.verdict, "fail")
        waiver = ("external", waiver_text.effect(one, day)) if one.waived(day) else None
    made = sarif_log.result(
        problem.level, problem.message, problem.place, problem.fingerprint, waiver, kind
    )
    return {**made, "properties": {} if one is None else dict(_facts(one))}


def _facts(finding: Finding) -> Iterator[tuple[str, Any]]:
    row, measurement = finding.requirement, finding.measurement
    yield "verdict", str(finding.verdict)
    yield "measure", line(row.measure, 200)
    yield "atLeast" if row.at_least is not None else "atMost", row.threshold
    if measurement is None:
        return
    for name in _NUMBERS:
        value = getattr(measurement, name)
        if value is not None:
            yield name, line(value, 60) if isinstance(value, str) else value
    if measurement.doubts:
        yield "doubts", [line(doubt.name, 100) for doubt in measurement.doubts[:20]]


def _invocation(assessment: Assessment) -> dict[str, Any]:
    """How the run ended: not successful where a row in scope has no result, or none was in scope."""
    rows = [row for row in undecided(assessment) if row.verdict is not Verdict.INCONCLUSIVE]
    whole = not rows and bool(assessment.findings_in_scope)
    return {
        "executionSuccessful": whole,
        "exitCode": assessment.exit_code,
        "exitCodeDescription": _EXIT[assessment.exit_code],
        "toolExecutionNotifications": sarif_log.errors(rows),
    }


def _properties(assessment: Assessment) -> Mapping[str, Any]:
    subject = assessment.subject
    return {
        "model": line(subject.get("name", ""), 200),
        "modelDigest": line(subject.get("digest", ""), 80),
        "policyDigest": line(assessment.policy.get("digest", ""), 80),
        "day": line(assessment.day, 20),
        "interrupted": assessment.interrupted,
        "complete": assessment.complete,
        "verdicts": {
            line(finding.requirement.id, 100): str(finding.verdict)
            for finding in assessment.findings
        },
    }
