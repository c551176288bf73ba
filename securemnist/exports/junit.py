"""Suites that are added to the JUnit file of a run: rows that have no test case of pytest's."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # nosec B405 # writes; reads pytest's own file of this run
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from securemnist.results.assessment import Assessment
from securemnist.results.findings import STOPPED
from securemnist.sanitize import line


@dataclass(frozen=True)
class Case:
    """A test case; `outcome` is "" where it passed."""

    name: str
    outcome: Literal["", "failure", "error"]
    message: str


def added(junit: bytes, suite: str, classname: str, cases: Sequence[Case]) -> bytes:
    """`junit`, as pytest wrote it, with one more suite."""
    root = ET.fromstring(junit)  # nosec B314 # as above  # noqa: S314
    suites = root if root.tag == "testsuites" else ET.Element("testsuites")
    if suites is not root:
        suites.append(root)
    outcomes = Counter(case.outcome for case in cases)
    counts = {"tests": len(cases), "failures": outcomes["failure"], "errors": outcomes["error"]}
    made = ET.SubElement(suites, "testsuite", {"name": suite, "skipped": "0", "time": "0"})
    made.attrib.update({name: str(count) for name, count in counts.items()})
    for case in cases:
        _add(made, classname, case)
    for name, count in counts.items():
        if name in suites.attrib:
            suites.set(name, str(int(suites.attrib[name]) + count))
    text: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return text


def with_stopped(junit: bytes, assessment: Assessment) -> bytes:
    """`junit` of an interrupted run, with an error for each row that was not reached."""
    left = [row for row in assessment.findings_in_scope if row.reason == STOPPED]
    cases = [Case(row.requirement.id, "error", str(row)) for row in left]
    return added(junit, "interrupted", "securemnist.interrupted", cases) if cases else junit


def _add(suite: ET.Element, classname: str, case: Case) -> None:
    place = {"classname": classname, "name": line(case.name, 60), "time": "0"}
    made = ET.SubElement(suite, "testcase", place)
    if case.outcome:
        ET.SubElement(made, case.outcome, {"message": line(case.message, 700)})
