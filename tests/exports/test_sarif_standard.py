"""SARIF files fit the standard, and the rules that GitHub documents for files that it can show."""

from __future__ import annotations

import json

import pytest

from securemnist.exports import sarif
from securemnist.results.assessment import Assessment
from tests.exports.example import (
    ADV,
    CLEAN,
    GREEN,
    assessment,
    hostile_assessment,
    issue,
    judged,
    static,
    stopped,
)
from tests.exports.sarif_files import check_github_rules, logs, validator
from tests.hostile_text import STRINGS, effective
from tests.report import example

FOUND = static(issue(), issue(tool="semgrep", rule="pickle-runs-code", severity="low"))
MIXED = assessment(judged(CLEAN, 0.99), judged(ADV, 0.1), FOUND)


@pytest.mark.parametrize(
    "result",
    [assessment(), MIXED, assessment(GREEN[0], stopped(ADV)), example.assessment()],
    ids=["passed", "mixed", "interrupted", "every verdict"],
)
def test_a_log_fits_the_standard_and_github(result: Assessment) -> None:
    """Each SARIF file fits the schema of SARIF 2.1.0 and the rules that GitHub documents."""
    assert logs(result)
    for log in logs(result).values():
        validator().validate(log)
        check_github_rules(log)


def test_the_schema_refuses_a_log_with_a_gap() -> None:
    """Without a message, or with an unknown field, a log does not fit: the schema does check."""
    for change in ({"message": {}}, {"place": 1}):
        log = json.loads(sarif.render(MIXED))
        log["runs"][0]["results"][0].update(change)
        assert not validator().is_valid(log)


@pytest.mark.parametrize("value", STRINGS.values(), ids=STRINGS.keys())
def test_hostile_text_stays_text(value: str) -> None:
    """Hostile text in every field has no effect in a message, and becomes no link."""
    found = logs(hostile_assessment(value))
    assert "results.sarif" in found
    for log in found.values():
        check_github_rules(log)
        (run,) = log["runs"]
        assert run["results"]
        for one in run["results"]:
            assert effective(one["message"]["text"]) == []
            assert "](" not in one["message"]["text"]


@pytest.mark.parametrize("name", ["blank", "lone surrogate", "very long", "paths"])
def test_hostile_text_fits_the_standard(name: str) -> None:
    """Whatever the texts are, the file is a SARIF log."""
    found = logs(hostile_assessment(STRINGS[name]))
    assert "results.sarif" in found
    for log in found.values():
        validator().validate(log)
