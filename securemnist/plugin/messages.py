"""Findings attached to pytest's test reports, and the outcome of the test that follows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from securemnist.errors import SecureMnistError, UsageError
from securemnist.plugin.session import Run
from securemnist.results import families
from securemnist.results.families import Family
from securemnist.results.findings import TIERS, Finding, Requirement, Verdict
from securemnist.results.verdicts import utc_day

RECORDED = pytest.StashKey[list[dict[str, Any]]]()  # the findings passed to security_record


def measure_of(item: pytest.Item) -> str | None:
    """The measure of a suite's test: marked measure("name"), with the fixture `requirement`."""
    marker = item.get_closest_marker("measure")
    name = marker.args[0] if marker is not None and len(marker.args) == 1 else None
    is_suite = isinstance(name, str) and "requirement" in getattr(item, "fixturenames", ())
    return name if is_suite else None


def row_of(item: pytest.Item) -> Requirement | None:
    """The requirement of a suite's test; None for other tests, also with a parameter of this name."""
    if item.get_closest_marker("measure") is None:
        return None
    call = getattr(item, "callspec", None)
    row = call.params.get("requirement") if call is not None else None
    return row if isinstance(row, Requirement) else None


def rows_of(items: list[pytest.Item]) -> set[str]:
    """The ids of the rows among these tests."""
    return {row.id for item in items if (row := row_of(item)) is not None}


def claim_of(item: pytest.Item) -> str:
    """The docstring of a suite test, as one line."""
    return " ".join((getattr(getattr(item, "obj", None), "__doc__", None) or "").split())


def family_of_measure(measure: object) -> Family | None:
    """The family of a bundled measure, or of a user's own by `pkg.module:NAME`; None for others."""
    from securemnist.measures import find

    try:
        found = find(measure) if isinstance(measure, str) else None
    except UsageError:  # the check of the policy reports it
        return None
    return None if found is None else found.family


def family_of(item: pytest.Item) -> Family:
    """The family of a test's measure, or else of the first marker of the user's own."""
    marker = item.get_closest_marker("measure")
    family = family_of_measure(marker.args[0]) if marker and marker.args else None
    if family is not None:
        return family
    own = (m.name for m in item.iter_markers() if m.name not in (*TIERS, "measure", "parametrize"))
    return families.of(next(own, "other"))


def without_traceback(
    item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
) -> None:
    """Show our error in a row's test as its sentence; --full-trace keeps the lines of code."""
    error = None if call.excinfo is None else call.excinfo.value
    ours = isinstance(error, SecureMnistError) and row_of(item) is not None
    if ours and not item.config.getoption("fulltrace"):
        report.longrepr = str(error)


def attach(item: pytest.Item, report: pytest.TestReport, run: Run) -> None:
    """Attach the finding of a row to the test's report, and set the outcome by the verdict.

    The outcome does not depend on options such as --runxfail, nor on an `assert` in the test.
    """
    row = row_of(item)
    if row is None or report.when == "teardown":
        return
    messages = item.stash.get(RECORDED, []) if report.when == "call" else []
    item.stash[RECORDED] = []  # a rerun starts without them
    if not messages and not (report.when == "setup" and report.passed):
        messages = [_unrecorded(item, report, row)]
    if not messages:
        return
    findings = [run.receive(message) for message in messages]
    # The worst finding so far: an attempt before a rerun counts as well.
    report.security = {  # type: ignore[attr-defined]
        **messages[-1],
        "finding": findings[-1].to_json(),
        "policy": str(run.file),
    }
    if report.when == "call":
        _set_outcome(report, Finding.from_json(messages[-1]["finding"]), findings[-1])


def _unrecorded(item: pytest.Item, report: pytest.TestReport, row: Requirement) -> dict[str, Any]:
    """The message of a test that recorded no finding: ERROR, or NOT_RUN where it was skipped."""
    if report.skipped and not hasattr(report, "wasxfail"):
        verdict, reason = Verdict.NOT_RUN, f"skipped: {_skip_reason(report)}"
    elif report.passed:
        verdict, reason = Verdict.ERROR, "its test recorded no finding; call security_record(...)"
    else:
        verdict, reason = Verdict.ERROR, _crash_sentence(report)
    finding = row.unmeasured(verdict, reason, claim=claim_of(item), family=family_of(item))
    return {"finding": finding.to_json(), "subject": {}, "processor": ""}


def _set_outcome(report: pytest.TestReport, own: Finding, worst: Finding) -> None:
    """Fail a passed test whose row did not pass; a waived row is xfailed, whatever the options."""
    waiver = own.requirement.waiver
    if own.waived(utc_day()) and waiver is not None:
        report.outcome = "skipped"
        report.wasxfail = f"waived through {waiver.expires} (UTC; {waiver.reason}): {own}"
    elif report.passed and not worst.passed and worst.verdict is not Verdict.NOT_RUN:
        report.outcome, report.longrepr = "failed", str(worst)


def _skip_reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    text = str(longrepr[2] if isinstance(longrepr, tuple) else longrepr)
    return text.removeprefix("Skipped: ")


def _crash_sentence(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    line = (text.strip().splitlines() or ["the test crashed"])[0]
    # Our errors are complete sentences: the class name is removed.
    ours = re.sub(r"^securemnist\.errors\.\w+: ", "", line)
    if report.when != "setup" or crash is None or ours != line:
        return ours
    return f"a fixture, such as `model` of conftest.py, raised {line}; fix it"
