"""results.sarif says what each row came to."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from securemnist.exports import severity
from securemnist.results.assessment import Against
from securemnist.results.families import FAMILIES
from securemnist.results.findings import Finding, Verdict, Waiver
from tests.exports.example import (
    ADV,
    CLEAN,
    GREEN,
    LINES,
    NO_WAIVER,
    STATIC,
    assessment,
    issue,
    judged,
    outside,
    static,
    stopped,
)
from tests.exports.sarif_files import results, run_of

RUN = "securemnist/not-decided"
ERROR = ADV.unmeasured(Verdict.ERROR, "loss is nan")


def test_a_failed_row_is_shown_at_its_line() -> None:
    """FAIL and ERROR are errors of the kind "fail", on the line of the policy that names the row."""
    for failed in (judged(ADV, 0.1), ERROR):
        one = results(GREEN[0], failed)["ADV-01"]
        assert (one["kind"], one["level"]) == ("fail", "error")
        (location,) = one["locations"]
        assert location["physicalLocation"] == {
            "artifactLocation": {
                "uri": "security_tests/thresholds.toml",
                "uriBaseId": "%SRCROOT%",
            },
            "region": {
                "startLine": LINES["ADV-01"],
                "startColumn": 1,
                "endLine": LINES["ADV-01"],
                "endColumn": 18,
            },
        }


def test_the_numbers_of_a_row_are_properties() -> None:
    """Value, interval, threshold and verdict of a result can be read by programs."""
    facts = results(judged(ADV, 0.1))["ADV-01"]["properties"]
    assert facts["verdict"] == "FAIL"
    assert facts["low"] < facts["value"] == 0.1 < facts["high"] < facts["atLeast"] == 0.5


def test_undecided_rows_are_open_and_one_result_fails() -> None:
    """INCONCLUSIVE is open, NOT_RUN not applicable; one more result fails and names both."""
    left = NO_WAIVER.unmeasured(Verdict.NOT_RUN, "skipped")
    found = results(GREEN[0], judged(ADV, 0.5, n=100), left)
    assert (found["ADV-01"]["kind"], found["ADV-01"]["level"]) == ("open", "none")
    assert (found["STATIC-01"]["kind"], found["STATIC-01"]["level"]) == ("notApplicable", "none")
    assert (found[RUN]["kind"], found[RUN]["level"]) == ("fail", "error")
    assert found[RUN]["message"]["text"] == (
        "Of 3 rows in scope, 2 not decided: ADV-01, STATIC-01."
    )


def test_rows_that_passed_or_are_outside_are_no_results() -> None:
    """GitHub shows a result of any kind as an alert, so these are in the table of verdicts only."""
    run = run_of(assessment(GREEN[0], outside(ADV), GREEN[2]))
    assert run["results"] == []
    assert run["properties"]["verdicts"] == {
        "CLEAN-01": "PASS",
        "ADV-01": "NOT_RUN",
        "STATIC-01": "PASS",
    }
    assert run["properties"]["complete"] is False
    assert run["invocations"][0]["executionSuccessful"] is True


def test_a_run_that_shows_nothing_has_a_result() -> None:
    """Without a row in scope, and with waived rows only, the file is not empty."""
    waived = static(issue(), row=STATIC)
    for findings, words in (
        ((outside(CLEAN),), "No row was in the scope of this run, so it shows nothing."),
        ((waived,), "No row passed, so this run shows nothing."),
    ):
        found = results(*findings)
        assert found[RUN]["message"]["text"] == words
        assert found[RUN]["level"] == "error"


@pytest.mark.parametrize(
    ("findings", "successful", "code"),
    [
        (GREEN, True, 0),
        ((GREEN[0], judged(ADV, 0.1)), True, 1),
        ((GREEN[0], judged(ADV, 0.5, n=100)), True, 3),
        ((GREEN[0], ERROR), False, 3),
        ((GREEN[0], stopped(ADV)), False, 3),
        ((judged(CLEAN, 0.1), stopped(ADV)), False, 1),
        ((outside(ADV),), False, 3),
    ],
    ids=["passed", "failed", "inconclusive", "error", "stopped", "failed, stopped", "no row"],
)
def test_execution_is_successful_where_all_was_measured(
    findings: tuple[Finding, ...], successful: bool, code: int
) -> None:
    """A run with a row that was not measured is no successful execution, and names that row."""
    (invocation,) = run_of(assessment(*findings))["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (successful, code)
    named = [one["message"]["text"] for one in invocation["toolExecutionNotifications"]]
    assert all("ADV-01" in words for words in named)
    assert bool(named) == (not successful and findings[0] is not findings[-1])


def test_a_waiver_is_a_suppression() -> None:
    """A waived row is a note with its reason, and its rule has no severity that blocks a request."""
    run = run_of(assessment(GREEN[0], static(issue(), row=STATIC)))
    (one,) = run["results"]
    assert one["level"] == "note"
    (suppression,) = one["suppressions"]
    assert suppression["status"] == "accepted"
    assert suppression["justification"] == "waived through 2026-12-31 (UTC): known"
    severities = {
        rule["id"]: rule["properties"].get("security-severity")
        for rule in run["tool"]["driver"]["rules"]
    }
    assert severities["STATIC-01"] is None
    assert severities["CLEAN-01"] == "5.5"


def test_an_expired_waiver_suppresses_nothing() -> None:
    """After its last day a waived row is an error again."""
    old = dataclasses.replace(STATIC, waiver=Waiver(reason="known", expires="2026-11-20"))
    one = results(GREEN[0], static(issue(), row=old))["STATIC-01"]
    assert (one["level"], one["suppressions"]) == ("error", [])


def test_a_failed_comparison_is_a_result() -> None:
    """A worse version than the older one is an error, although every row passed."""
    older = Against(name="old", commit="", digest="", exit_code=1, why="1 requirement got worse")
    found = results(against=older)
    assert set(found) == {"securemnist/comparison"}
    assert "1 requirement got worse" in found["securemnist/comparison"]["message"]["text"]


def test_fingerprints_depend_on_names_only() -> None:
    """Other numbers, lines and reasons keep a fingerprint; another row or model does not."""
    moved = {"path": "t.toml", "digest": "", "text": ""}
    subject = {"name": "other"}

    def mark(*findings: Finding, row: str = "ADV-01", **changes: Any) -> str:
        found = results(*findings, **changes)[row]["partialFingerprints"]
        return str(found["primaryLocationLineHash"])

    same = {mark(judged(ADV, 0.1)), mark(ERROR), mark(judged(ADV, 0.2), policy=moved)}
    assert len(same) == 1
    others = {mark(judged(CLEAN, 0.1), row="CLEAN-01"), mark(ERROR, subject=subject)}
    assert len(others | same) == 3


def test_another_selection_or_model_is_another_analysis() -> None:
    """The category differs by tier, rows and model, so that no run closes alerts of another."""
    scopes = [
        {"tier": "smoke", "markers": "", "keywords": "", "paths": []},
        {"tier": "full", "markers": "", "keywords": "", "paths": []},
        {"tier": "full", "markers": "", "keywords": "[ADV-01]", "paths": []},
    ]
    runs = [run_of(assessment(scope=scope)) for scope in scopes]
    runs += [run_of(assessment(scope=scopes[0], subject={"name": name})) for name in ("a-b", "a b")]
    assert len({run["automationDetails"]["id"] for run in runs}) == len(runs)


def test_every_family_has_a_severity() -> None:
    """A bundled family without one would be sorted as one of the user's own."""
    assert set(FAMILIES) - set(severity.OF_FAMILY) == set()


def test_the_rule_of_a_row_explains_it() -> None:
    """A rule has the claim, the suite's docstring with the reason, advice, tags and an address."""
    rules = {
        rule["id"]: rule for rule in run_of(assessment(judged(ADV, 0.1)))["tool"]["driver"]["rules"]
    }
    rule = rules["ADV-01"]
    assert rule["fullDescription"]["text"] == "A claim of the suite. Reason: a reason."
    assert "harden the model" in rule["help"]["text"]
    assert rule["properties"]["tags"] == [
        "security",
        "external/cwe/cwe-1039",
        "AML.T0043.000",
        "STRIDE:T",
        "ML01:2023",
        "LOCAL-7",
    ]
    assert rule["properties"]["security-severity"] == "8.0"
    assert rule["helpUri"] == "https://cwe.mitre.org/data/definitions/1039.html"
