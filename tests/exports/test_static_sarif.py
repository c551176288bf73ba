"""bandit.sarif and semgrep.sarif: issues at their place, accepted ones as suppressions."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from securemnist.exports import static_sarif
from securemnist.results.assessment import Assessment
from securemnist.results.evidence.static import AcceptedIssue
from securemnist.results.findings import Finding, Verdict
from tests.exports.example import GREEN, NO_WAIVER, STATIC, assessment, issue, static

SEMGREP = {"tool": "semgrep", "rule": "torch-load", "severity": "medium", "advice": "Load less."}


def run_of(content: bytes | None) -> dict[str, Any]:
    """The run of a file that was written."""
    assert content is not None
    (run,) = json.loads(content)["runs"]
    return dict(run)


def bandit(*findings: Finding) -> dict[str, Any]:
    """Bandit's run."""
    return run_of(static_sarif.render(assessment(*findings), "bandit"))


def semgrep(*findings: Finding) -> dict[str, Any]:
    """Semgrep's run."""
    return run_of(static_sarif.render(assessment(*findings), "semgrep"))


def rules(run: dict[str, Any]) -> list[str]:
    """The rule of each result."""
    return [one["ruleId"] for one in run["results"]]


def accepted(by: str, **changes: Any) -> AcceptedIssue:
    """An issue that does not count."""
    return AcceptedIssue(**vars(issue(**changes)), by=by)  # type: ignore[arg-type]


def test_an_issue_is_at_its_place_in_the_code() -> None:
    """Rule, level, address and place are the tool's; the project's folder is before the path."""
    result = assessment(static(issue(), issue(**SEMGREP)), environment={"folder": "models/a"})
    run = run_of(static_sarif.render(result, "bandit"))
    (one,) = run["results"]
    place = one["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "models/a/shop/loading.py"
    assert place["region"]["startLine"] == 42
    assert (one["ruleId"], one["level"], one["suppressions"]) == ("B301", "error", [])
    (rule,) = run["tool"]["driver"]["rules"]
    assert rule["helpUri"].endswith("b301.html#b301-pickle")
    assert rule["properties"]["security-severity"] == "8.0"
    assert rules(run_of(static_sarif.render(result, "semgrep"))) == ["torch-load"]


def test_a_place_of_both_tools_is_in_both_files() -> None:
    """A merged issue has Bandit's rules in Bandit's file and Semgrep's in the other."""
    both = issue(tool="bandit, semgrep", rule="B301, B614, torch-load")
    assert rules(bandit(static(both))) == ["B301", "B614"]
    assert rules(semgrep(static(both))) == ["torch-load"]


def test_accepted_issues_are_suppressed() -> None:
    """What baseline and comment accept is a note with its reason; what counts comes first."""
    old = (accepted("baseline", line=1), accepted("comment", line=2))
    run = bandit(static(issue(), accepted=old))
    found = {
        one["locations"][0]["physicalLocation"]["region"]["startLine"]: one
        for one in run["results"]
    }
    assert list(found) == [42, 1, 2]
    assert [found[line]["level"] for line in found] == ["error", "note", "note"]
    kinds = [[one["kind"] for one in found[line]["suppressions"]] for line in found]
    assert kinds == [[], ["external"], ["inSource"]]


def test_issues_of_a_waived_row_are_suppressed() -> None:
    """A waiver of the row accepts its issues, unless another row counts them."""
    other = dataclasses.replace(NO_WAIVER, id="STATIC-02")
    (one,) = bandit(static(issue(), row=STATIC))["results"]
    assert one["suppressions"][0]["justification"] == "waived through 2026-12-31 (UTC): known"
    for rows in ((STATIC, other), (other, STATIC)):
        (one,) = bandit(*(static(issue(), row=row) for row in rows))["results"]
        assert one["suppressions"] == []


@pytest.mark.parametrize(
    ("findings", "written"),
    [
        (GREEN, (True, True)),
        (GREEN[:2], (False, False)),
        ((NO_WAIVER.unmeasured(Verdict.ERROR, "no semgrep"),), (False, False)),
        ((static(row=dataclasses.replace(NO_WAIVER, settings={"tools": ["bandit"]})),), (True, False)),
        ((dataclasses.replace(GREEN[2], in_scope=False),), (False, False)),
    ],
    ids=["measured", "no row", "error", "one tool", "out of scope"],
)  # fmt: skip
def test_no_file_calls_code_clean_that_was_not_read(
    findings: tuple[Finding, ...], written: tuple[bool, bool]
) -> None:
    """A tool has a file only where it has read the code for a row in scope."""
    result = assessment(*findings)
    files = static_sarif.render(result, "bandit"), static_sarif.render(result, "semgrep")
    assert tuple(one is not None for one in files) == written


def test_a_file_that_was_not_read_is_an_unsuccessful_execution() -> None:
    """A file that no tool can read is a result of both tools, and so is a row with an error named."""
    unread = issue(tool="securemnist", rule="not-read", message="not read: no Python")
    failed = dataclasses.replace(NO_WAIVER, id="STATIC-02").unmeasured(Verdict.ERROR, "no tool")
    for run in (bandit(static(unread)), semgrep(static(unread)), bandit(static(), failed)):
        assert run["invocations"][0]["executionSuccessful"] is False
        assert run["invocations"][0]["toolExecutionNotifications"]
    assert rules(semgrep(static(unread))) == ["not-read"]
    assert bandit(static())["invocations"][0]["executionSuccessful"] is True


def test_fingerprints_count_the_issues_of_a_rule_in_a_file() -> None:
    """Two issues of a rule in a file differ; moved lines and other messages change nothing."""

    def marks(result: Assessment) -> list[str]:
        results = run_of(static_sarif.render(result, "bandit"))["results"]
        return [one["partialFingerprints"]["securemnist/v1"] for one in results]

    two = assessment(static(issue(), issue(line=50)))
    moved = assessment(static(issue(line=3, message="x"), issue(line=70)))
    assert len(set(marks(two))) == 2
    assert marks(two) == marks(moved)
    renamed = assessment(static(issue(file="shop/b.py"), issue(rule="B302")))
    assert not set(marks(two)) & set(marks(renamed))
