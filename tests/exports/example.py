"""Assessments of a small policy with lines, for the tests of formats."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from securemnist.results.assessment import Assessment
from securemnist.results.evidence.static import AcceptedIssue, StaticEvidence, StaticIssue
from securemnist.results.findings import STOPPED, Finding, Measurement, Requirement, Verdict
from securemnist.results.policy import parse
from tests.report import example, hostile
from tests.report.judged import measured

POLICY = """\
# A policy.
families = ["clean"] # id = "CLEAN-01" in a comment counts for nothing

[[requirement]]
id = "CLEAN-01"
measure = "clean_accuracy"
at_least = 0.9
because = '''
[[requirement]]
id = "ADV-01"
'''

[[ requirement ]]
measure = "robust_accuracy"
at_least = 0.5
because = "a reason"
    id = "ADV-01"
ids = ["CWE-1039", "AML.T0043.000", "STRIDE:T", "ML01:2023", "LOCAL-7"]
[requirement.threat]
norm = "linf"
eps = 0.1

[[requirement]]
id = "STATIC-01"
measure = "static_findings"
at_most = 0
because = "code"
waiver = { reason = "known", expires = 2026-12-31 }
"""
LINES = {"CLEAN-01": 5, "ADV-01": 17, "STATIC-01": 24}
CLEAN, ADV, STATIC = parse(POLICY, "security_tests/thresholds.toml").requirements
NO_WAIVER = dataclasses.replace(STATIC, waiver=None)


def issue(**changes: Any) -> StaticIssue:
    """A place that Bandit reports."""
    fields: dict[str, Any] = {
        "tool": "bandit",
        "rule": "B301",
        "severity": "high",
        "file": "shop/loading.py",
        "line": 42,
        "message": "Pickle runs code.",
        "advice": "read https://bandit.readthedocs.io/en/1.9.0/blacklists/b301.html#b301-pickle",
    }
    return StaticIssue(**{**fields, **changes})


def static(
    *found: StaticIssue,
    accepted: tuple[AcceptedIssue, ...] = (),
    row: Requirement = NO_WAIVER,
) -> Finding:
    """A static row that has measured these issues."""
    count = float(len(found))
    evidence = StaticEvidence(static=list(found), files_scanned=3, not_counted=list(accepted))
    fields: dict[str, Any] = {"n": 3, "complete": True, "seconds": 1.0, "seed": 0}
    measurement = Measurement(
        value=count, low=count, high=count, unit="count", evidence=evidence, **fields
    )
    return row.judge(measurement, claim="Code is clean.", family="static")


def judged(row: Requirement, value: float, **more: Any) -> Finding:
    """A row with a number."""
    family = "clean" if row is CLEAN else "adversarial"
    return row.judge(measured(value, **more), claim="A claim of the suite.", family=family)


def stopped(row: Requirement) -> Finding:
    """A row that an interrupted run did not reach."""
    return row.unmeasured(Verdict.NOT_RUN, STOPPED)


def outside(row: Requirement) -> Finding:
    """A row out of the scope of the run."""
    left = row.unmeasured(Verdict.NOT_RUN, "out of scope: tier full, this run is smoke")
    return dataclasses.replace(left, in_scope=False)


GREEN = (judged(CLEAN, 0.99), judged(ADV, 0.9), static())


@functools.cache
def hostile_assessment(text: str) -> Assessment:
    """An assessment with this text in the place of every word."""
    return hostile.assessment(text)


def assessment(*findings: Finding, **changes: Any) -> Assessment:
    """An assessment by POLICY; without findings every row passed."""
    policy = {"path": "security_tests/thresholds.toml", "digest": "0" * 64, "text": POLICY}
    fields = {"findings": findings or GREEN, "policy": policy, **changes}
    return example.assessment(**fields)
