"""SARIF files of an assessment, and what a file has to be that a service shows."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import jsonschema

from securemnist import exports
from securemnist.exports import sarif
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Finding
from tests.exports.example import assessment

SCHEMA = Path(__file__).parent / "schemas" / "sarif-2.1.0.schema.json"
NAMES = ("results.sarif", "bandit.sarif", "semgrep.sarif")


@functools.cache
def validator() -> Any:
    """The schema of the standard."""
    return jsonschema.Draft4Validator(json.loads(SCHEMA.read_text()))


def run_of(of: Assessment) -> dict[str, Any]:
    """The run of results.sarif."""
    log = json.loads(sarif.render(of))
    (run,) = log["runs"]
    return dict(run)


def results(*findings: Finding, **changes: Any) -> dict[str, dict[str, Any]]:
    """The results of an assessment with these findings, by rule."""
    return {one["ruleId"]: one for one in run_of(assessment(*findings, **changes))["results"]}


def logs(of: Assessment) -> dict[str, dict[str, Any]]:
    """The SARIF files of an assessment, by name."""
    files = exports.render(of)
    return {name: json.loads(files[name]) for name in NAMES if name in files}


def check_github_rules(log: dict[str, Any]) -> None:
    """What GitHub needs to show each result at its line ("SARIF support for code scanning")."""
    assert log["$schema"].startswith("https://")
    assert log["version"] == "2.1.0"
    assert len(log["runs"]) == 1
    (run,) = log["runs"]
    driver, rules = run["tool"]["driver"], run["tool"]["driver"]["rules"]
    assert driver["name"]
    assert re.fullmatch(r"[^/].*/", run["automationDetails"]["id"])
    assert len(run["results"]) <= 25_000
    assert len(rules) <= 25_000
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert 0 < len(rule["shortDescription"]["text"]) <= 1_024
        assert 0 < len(rule["fullDescription"]["text"]) <= 1_024
        assert rule["help"]["text"]
        assert len(rule["properties"]["tags"]) <= 10
        assert 0 < float(rule["properties"].get("security-severity", "1")) <= 10
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
        assert one["message"]["text"]
        assert re.fullmatch(
            r"[0-9a-f]{16}:1", one["partialFingerprints"]["primaryLocationLineHash"]
        )
        (location,) = one["locations"]
        place = location["physicalLocation"]
        assert re.fullmatch(r"[^/:?#][^:?#]*", place["artifactLocation"]["uri"])
        assert ".." not in place["artifactLocation"]["uri"].split("/")
        assert place["region"]["startLine"] == place["region"]["endLine"] >= 1
        assert place["region"]["startColumn"] == 1
