"""gl-code-quality-report.json: what did not pass, and issues in the code, for GitLab's merge requests.

The format is the part of Code Climate's that GitLab documents:
https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from securemnist._util.hashing import json_file
from securemnist.exports import static_issues
from securemnist.exports.places import Place, Places
from securemnist.exports.problems import Level, problems
from securemnist.results.assessment import Assessment
from securemnist.sanitize import line, sentence

_OF_ROWS: dict[Level, str] = {"error": "critical", "warning": "major", "note": "info"}
_OF_ISSUES = {"high": "critical", "medium": "major", "low": "minor"}


def render(assessment: Assessment) -> bytes:
    """The report; equal assessments give equal bytes."""
    rows = (
        _entry(f"{p.title}: {p.message}", p.rule, p.fingerprint, _OF_ROWS[p.level], p.place)
        for p in problems(assessment)
    )
    entries = [*rows, *_issues(assessment)]
    return json_file(entries, ensure_ascii=False)


def _issues(assessment: Assessment) -> Iterator[dict[str, Any]]:
    """The issues that count, each once, also where both tools report it."""
    places = Places(assessment)
    found = [one for tool in static_issues.TOOLS for one in static_issues.issues(assessment, tool)]
    for issue, mark in {one.issue: one.fingerprint for one in found if not one.accepted}.items():
        level = _OF_ISSUES.get(issue.severity, "critical")
        words = f"{issue.tool} {issue.rule}: {issue.message}"
        yield _entry(words, issue.rule, mark, level, places.source(issue.file, issue.line))


def _entry(words: str, rule: str, mark: str, severity: str, place: Place) -> dict[str, Any]:
    return {
        "description": sentence(words, 1_200),
        "check_name": line(rule, 100),
        "fingerprint": mark,
        "severity": severity,
        "location": {"path": place.path, "lines": {"begin": place.line}},
    }
