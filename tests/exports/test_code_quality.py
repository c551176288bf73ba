"""The Code Quality report fits what GitLab documents, and has each row and issue at its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from securemnist.exports import code_quality
from securemnist.results.assessment import Assessment
from tests.exports.example import (
    ADV,
    GREEN,
    LINES,
    STATIC,
    assessment,
    hostile_assessment,
    issue,
    judged,
    outside,
    static,
)
from tests.hostile_text import STRINGS, effective
from tests.report import example

SCHEMA = json.loads(
    (Path(__file__).parent / "schemas" / "code-quality.schema.json").read_text(encoding="utf-8")
)


def entries(result: Assessment) -> list[dict[str, Any]]:
    """The entries of a report, which fit the schema."""
    found = json.loads(code_quality.render(result))
    jsonschema.validate(found, SCHEMA, jsonschema.Draft202012Validator)
    return list(found)


def test_rows_and_issues_are_at_their_lines() -> None:
    """A failed row is at its line of the policy, an issue at its line of the code."""
    found = entries(assessment(GREEN[0], judged(ADV, 0.1), static(issue(severity="low"))))
    places = {
        one["check_name"]: (one["location"]["path"], one["location"]["lines"]["begin"])
        for one in found
    }
    assert places == {
        "ADV-01": ("security_tests/thresholds.toml", LINES["ADV-01"]),
        "STATIC-01": ("security_tests/thresholds.toml", LINES["STATIC-01"]),
        "B301": ("shop/loading.py", 42),
    }
    assert {one["check_name"]: one["severity"] for one in found} == {
        "ADV-01": "critical",
        "STATIC-01": "critical",
        "B301": "minor",
    }


def test_undecided_and_waived_rows_have_their_severities() -> None:
    """INCONCLUSIVE is major and the run critical; a waived row is for information."""
    found = entries(
        assessment(judged(ADV, 0.5, n=100), static(issue(), row=STATIC), outside(GREEN[0].requirement))
    )  # fmt: skip
    assert {one["check_name"]: one["severity"] for one in found} == {
        "securemnist/not-decided": "critical",
        "ADV-01": "major",
        "STATIC-01": "info",
    }


def test_a_place_of_both_tools_has_one_entry() -> None:
    """An issue that both tools report, and a file that neither can read, count once."""
    both = issue(tool="bandit, semgrep", rule="B614, torch-load")
    unread = issue(tool="securemnist", rule="not-read")
    found = [one["check_name"] for one in entries(assessment(static(both, unread)))]
    assert sorted(found) == ["B614, torch-load", "STATIC-01", "not-read"]


def test_a_run_that_passed_has_no_entry() -> None:
    """GitLab reads an empty list as nothing found."""
    assert entries(assessment()) == []


def test_fingerprints_differ() -> None:
    """No two entries have one fingerprint: GitLab would show one of them."""
    marks = [one["fingerprint"] for one in entries(example.assessment())]
    assert len(marks) > 8
    assert len(set(marks)) == len(marks)


@pytest.mark.parametrize("value", STRINGS.values(), ids=STRINGS.keys())
def test_hostile_text_stays_text(value: str) -> None:
    """Hostile text in every field gives a valid report in which it has no effect."""
    found = entries(hostile_assessment(value))
    assert found
    for one in found:
        assert effective(one["description"]) == []
        assert effective(one["location"]["path"]) == []
