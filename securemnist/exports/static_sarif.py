"""bandit.sarif and semgrep.sarif: what each tool found in the source code, for code-scanning services.

A file is written only where the tool has read the code for a row in scope: an empty one would say that
the code is clean. Issues that baseline, comment or waiver accept are results with a suppression.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from securemnist.exports import sarif_log, severity, static_issues
from securemnist.exports.places import Places
from securemnist.exports.static_issues import OURS, Found
from securemnist.results.assessment import Assessment

_TITLES = {"bandit": "Bandit", "semgrep": "Semgrep OSS"}
_LEVELS = {"high": "error", "medium": "warning", "low": "note"}
_READ = re.compile(r"read (https://bandit\.readthedocs\.io/[\w./#-]+)", re.ASCII)


def render(assessment: Assessment, tool: str) -> bytes | None:
    """The issues of a tool ("bandit" or "semgrep"); None where it has read nothing."""
    rows = static_issues.rows(assessment)
    measured = [row for row in rows if static_issues.measured_by(row, tool)]
    if not measured:
        return None
    found = static_issues.issues(assessment, tool)[: sarif_log.MAX_RESULTS]
    places = Places(assessment)
    return sarif_log.dumps(
        sarif_log.driver(assessment, _TITLES[tool], tool),
        # The worst issue of a rule counts.
        {one.rule: _rule(one, tool) for one in reversed(found)},
        ((one.rule, _result(one, places)) for one in found),
        _invocation([str(row) for row in rows if row not in measured], found),
        sarif_log.category(tool, *(row.requirement.id for row in measured)),
        {},
    )


def _rule(one: Found, tool: str) -> dict[str, Any]:
    whose = OURS if one.issue.tool == OURS else _TITLES[tool]
    advice = one.issue.advice or f"Read the documentation of {whose}."
    made: dict[str, Any] = {
        "id": one.rule,
        "shortDescription": sarif_log.text(f"{whose}: {one.rule}"),
        "fullDescription": sarif_log.text(advice),
        "help": sarif_log.text(advice, 4_000),
        "properties": {
            "tags": ["security"],
            "security-severity": f"{severity.rank(one.issue.severity):.1f}",
        },
    }
    if address := _READ.fullmatch(one.issue.advice):
        made["helpUri"] = address[1]
    return made


def _result(one: Found, places: Places) -> dict[str, Any]:
    issue = one.issue
    level = "note" if one.accepted else _LEVELS.get(issue.severity, "error")
    place = places.source(issue.file, issue.line)
    return sarif_log.result(level, issue.message or one.rule, place, one.fingerprint, one.accepted)


def _invocation(missing: Sequence[str], found: Sequence[Found]) -> dict[str, Any]:
    """Successful where every static row in scope was measured and every file was read."""
    unread = [one.issue for one in found if one.issue.tool == OURS and one.accepted is None]
    words = [*missing, *(f"{issue.file}: {issue.message}" for issue in unread)]
    return {
        "executionSuccessful": not words,
        "toolExecutionNotifications": sarif_log.errors(words),
    }
