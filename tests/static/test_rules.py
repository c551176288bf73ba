"""Semgrep rules: each fires on its sample, is silent on the harmless one, and gives advice."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from securemnist._util.resources import ROOT, RULES
from tests.static.conftest import report_of

SAMPLES = ROOT / "tests" / "semgrep"
TOPICS = sorted(path.stem for path in RULES.glob("*.yaml"))


def marked(kind: str, topic: str) -> set[tuple[str, int]]:
    """Rule and line of every `# kind: rule` comment of a sample; the line is the one below it."""
    lines = (SAMPLES / f"{topic}.py").read_text().splitlines()
    marks = [(re.fullmatch(rf"\s*# {kind}: (\S+)", line), n) for n, line in enumerate(lines, 1)]
    return {(mark[1], number + 1) for mark, number in marks if mark}


def test_rules_fire_on_marked_lines_only() -> None:
    """As `semgrep scan --test` asks: a scan finds each marked line by its rule, and no other line."""
    issues = report_of("semgrep", SAMPLES).issues
    for topic in TOPICS:
        own = {rule["id"] for rule in rules()[topic]}
        fired = {(n.rule, n.line) for n in issues if n.file == f"{topic}.py" and n.rule in own}
        assert fired == marked("ruleid", topic)
    assert all(n.message and n.advice for n in issues)


@pytest.mark.parametrize("topic", TOPICS)
def test_rules_are_complete(topic: str) -> None:
    """Every rule has a firing and a silent sample, a CWE, and a message with advice."""
    for rule in rules()[topic]:
        assert rule["id"] in {name for name, _ in marked("ruleid", topic)}
        assert rule["id"] in {name for name, _ in marked("ok", topic)}
        assert re.match(r"CWE-\d+: ", rule["metadata"]["cwe"])
        wrong, _, advice = rule["message"].partition("\n")
        assert wrong.endswith(".")
        assert advice.strip().endswith(".")
        assert rule["severity"] in {"LOW", "MEDIUM", "HIGH"}


def rules() -> dict[str, list[dict[str, Any]]]:
    """The rules by topic."""
    return {path.stem: yaml.safe_load(path.read_text())["rules"] for path in RULES.glob("*.yaml")}
