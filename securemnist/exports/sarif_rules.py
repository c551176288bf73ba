"""The rules of results.sarif: one a row of the policy, and those of the run itself."""

from __future__ import annotations

from typing import Any

from securemnist.exports import sarif_log, severity
from securemnist.exports.problems import COMPARISON, NOT_DECIDED
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding
from securemnist.sanitize import line, markdown, markdown_code
from securemnist.view import taxonomy, wording
from securemnist.view.class_names import ClassNames
from securemnist.view.requirement_text import claim
from securemnist.view.unmeasured_families import family_of

_OF_THE_RUN = {
    NOT_DECIDED: (
        "Every row in the scope of a run is decided.",
        "A row that was not measured, or whose number decides nothing, does not pass.",
        "Read the reason of each undecided row, and run the assessment again.",
    ),
    COMPARISON: (
        "The model may replace the older version that it was compared with.",
        "A version may meet every threshold and still be worse than the one that it replaces.",
        "Read compare.html beside this file.",
    ),
}


def rules(assessment: Assessment) -> dict[str, dict[str, Any]]:
    """The rule of each row, by the id of the row, and of the run; no two have the same id.

    They are the same for every result of a policy, but for waivers.
    """
    names = ClassNames.of(assessment.subject)
    taken: dict[str, int] = {}
    made: dict[str, dict[str, Any]] = {}
    for finding in assessment.findings:
        shown = line(finding.requirement.id, 100) or "row"
        taken[shown] = taken.get(shown, 0) + 1
        rule_id = shown if taken[shown] == 1 else f"{shown}/{taken[shown]}"
        waived = finding.in_scope and finding.waived(assessment.decided)
        made[finding.requirement.id] = _rule(finding, rule_id, claim(finding, names), waived=waived)
    return {**made, **{rule: _of_the_run(rule) for rule in _OF_THE_RUN}}


def _rule(finding: Finding, rule_id: str, short: str, *, waived: bool) -> dict[str, Any]:
    """The rule of a row. A waived one has no `security-severity`: GitHub would block a request by it."""
    row, family = finding.requirement, family_of(finding)
    because = f"Reason: {line(row.because, 500)}"
    because += "" if because.endswith((".", "!", "?", "…")) else "."
    full = f"{line(finding.claim, 400) or short} {because}"
    advice = line(family.advice, 300)
    command = wording.repeat(finding)
    again = "Measure again:" if command else ""
    shown = [*map(markdown, (full, advice)), f"{again} {markdown_code(command)}".strip()]
    made: dict[str, Any] = {
        "id": rule_id,
        "shortDescription": sarif_log.text(short),
        "fullDescription": sarif_log.text(full),
        "help": {
            **sarif_log.text(f"{full} {advice} {again} {command}", 4_000),
            "markdown": "\n\n".join(filter(None, shown)),
        },
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": sarif_log.tags(row.ids), "family": line(family.name, 60)},
    }
    if not waived:
        made["properties"]["security-severity"] = f"{severity.of_family(family):.1f}"
    if address := next(filter(None, map(taxonomy.url, row.ids)), ""):
        made["helpUri"] = address
    return made


def _of_the_run(rule: str) -> dict[str, Any]:
    short, full, advice = _OF_THE_RUN[rule]
    return {
        "id": rule,
        "shortDescription": sarif_log.text(short),
        "fullDescription": sarif_log.text(full),
        "help": sarif_log.text(f"{full} {advice}"),
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["security"], "security-severity": f"{severity.HIGH:.1f}"},
    }
