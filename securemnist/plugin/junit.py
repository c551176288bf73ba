"""What JUnit files say of a row: an ERROR is an <error>, and its numbers are properties."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from _pytest.junitxml import xml_key

from securemnist.results.findings import Finding, Verdict


def properties(finding: Finding) -> Iterator[tuple[str, str | float]]:
    """The sentence of a finding, its verdict, and each of its numbers by name."""
    yield "finding", str(finding)
    yield "verdict", str(finding.verdict)
    yield "threshold", finding.requirement.threshold
    if (seen := finding.measurement) is not None:
        for name in ("value", "low", "high", "n", "seconds"):
            yield name, getattr(seen, name)


def error_for_failure(config: pytest.Config, report: pytest.TestReport) -> None:
    """Turn the <failure> that pytest has written for a row with the verdict ERROR into an <error>."""
    xml: Any = config.stash.get(xml_key, None)
    message = getattr(report, "security", None)
    if xml is None or message is None or report.when != "call":
        return
    if message["finding"]["verdict"] != str(Verdict.ERROR):
        return
    for node in xml.node_reporter(report).nodes:
        if node.tag == "failure":
            node.tag = "error"
            xml.stats["failure"] -= 1
            xml.stats["error"] += 1
