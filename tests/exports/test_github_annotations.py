"""Annotations of a GitHub job: each problem at its line, and no command from outside."""

from __future__ import annotations

import dataclasses
import re
from typing import NamedTuple

import pytest

from securemnist.exports import github_annotations
from securemnist.results.findings import Finding
from tests.exports.example import (
    ADV,
    GREEN,
    LINES,
    STATIC,
    assessment,
    hostile_assessment,
    issue,
    judged,
    static,
)
from tests.hostile_text import STRINGS
from tests.report import example


class Command(NamedTuple):
    """A workflow command as the runner of GitHub Actions reads it."""

    name: str
    properties: dict[str, str]
    message: str


def read(line: str) -> Command:
    """The command of a line: up to the second `::`, properties at commas, escapes undone."""
    head, separator, message = line.lstrip().removeprefix("::").partition("::")
    assert separator
    name, _, properties = head.partition(" ")
    pairs = (part.partition("=") for part in properties.split(",") if part)
    return Command(name, {key.strip(): _plain(value) for key, _, value in pairs}, _plain(message))


def _plain(text: str) -> str:
    signs = {"%25": "%", "%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ","}
    return re.sub("%(25|0D|0A|3A|2C)", lambda found: signs[found[0]], text)


def commands(*findings: Finding) -> list[Command]:
    """The commands of an assessment."""
    return [read(line) for line in github_annotations.lines(assessment(*findings))]


def test_a_failed_row_is_an_error_at_its_line() -> None:
    """File and line are those of the row; the message has its numbers, the percent sign escaped."""
    (one,) = commands(GREEN[0], judged(ADV, 0.1))
    assert one.name == "error"
    assert one.properties == {
        "file": "security_tests/thresholds.toml",
        "line": str(LINES["ADV-01"]),
        "title": "ADV-01 FAIL",
    }
    assert "robust_accuracy 0.1000 < 0.5" in one.message
    assert "95 % interval for new images" in one.message


def test_levels_follow_the_verdict() -> None:
    """INCONCLUSIVE is a warning, a waived row a notice, and an undecided run an error."""
    found = commands(judged(ADV, 0.5, n=100), static(issue(), row=STATIC))
    assert [(one.name, one.properties["title"]) for one in found] == [
        ("error", "securemnist: not decided"),
        ("warning", "ADV-01 INCONCLUSIVE"),
        ("notice", "STATIC-01 FAIL (waived)"),
    ]


def test_a_run_that_passed_prints_nothing() -> None:
    """Without a problem there is no annotation."""
    assert commands() == []


def test_ten_of_a_kind_are_printed_and_the_rest_is_counted() -> None:
    """GitHub drops what is beyond ten of a kind; the tenth says how many are left out."""
    failed = next(f for f in example.findings() if f.requirement.id == "ADV-02")
    rows = [dataclasses.replace(failed.requirement, id=f"R-{number}") for number in range(12)]
    found = commands(*(dataclasses.replace(failed, requirement=row) for row in rows))
    assert len(found) == 10
    assert found[-1].message == "3 more; see the summary of the job"


@pytest.mark.parametrize("value", STRINGS.values(), ids=STRINGS.keys())
def test_text_from_outside_is_no_command(value: str) -> None:
    """Hostile text adds no line, no property and no command of another kind."""
    result = hostile_assessment(value)
    lines = github_annotations.lines(result)
    assert lines
    for line in lines:
        assert len(line.splitlines()) == 1
        assert "##[" not in line
        assert "##vso[" not in line
        one = read(line)
        assert one.name in ("error", "warning", "notice")
        assert set(one.properties) <= {"file", "line", "title"}
        assert one.properties.get("line", "1").isdecimal()


def test_a_name_cannot_end_its_property() -> None:
    """Colons, commas and line ends in a path stay inside the property."""
    path = "a,line=7::set-env name=X::y\n::error::z%0A"
    policy = {"path": path, "digest": "", "text": ""}
    result = assessment(judged(ADV, 0.1), policy=policy)
    (line,) = github_annotations.lines(result)
    one = read(line)
    assert one.name == "error"
    assert one.properties["line"] == "1"
    assert one.properties["file"].startswith("a,line=7::set-env name=X::y")


@pytest.mark.parametrize(("value", "there"), [("true", True), ("", False), ("false", False)])
def test_only_a_job_of_github_prints_them(
    monkeypatch: pytest.MonkeyPatch, value: str, there: bool
) -> None:
    """The variable that GitHub sets in every job decides."""
    monkeypatch.setenv("GITHUB_ACTIONS", value)
    assert github_annotations.in_github_job() is there
