"""Rows in JUnit files: the verdict ERROR becomes <error>, numbers become properties."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from _pytest.junitxml import xml_key

from securemnist.results.findings import Finding, Verdict


def properties(finding: Finding) -> Iterator[tuple[str, str | float]]:
    """Sentence, verdict, threshold and measured numbers of a finding, by name."""
    yield "finding", str(finding)
    yield "verdict", str(finding.verdict)
    yield "threshold", finding.requirement.threshold
    if (measurement := finding.measurement) is not None:
        for name in ("value", "low", "high", "n", "seconds"):
            yield name, getattr(measurement, name)


def error_for_failure(config: pytest.Config, report: pytest.TestReport) -> None:
    """Change the <failure> that pytest wrote for a row with the verdict ERROR to <error>."""
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
