"""The comparison in a JUnit file: one more suite, so that the file fails where the comparison does."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # nosec B405 # writes; reads pytest's own file of this run
from collections import Counter

from securemnist.comparison import wording
from securemnist.comparison.change import Change
from securemnist.comparison.comparison import Comparison
from securemnist.results.findings import Verdict
from securemnist.sanitize import line

_SUITE = "comparison with an older version"


def added(junit: bytes, made: Comparison) -> bytes:
    """`junit`, as pytest wrote it, with a test case for each row in scope of the comparison."""
    root = ET.fromstring(junit)  # nosec B314 # as above  # noqa: S314
    suites = root if root.tag == "testsuites" else ET.Element("testsuites")
    if suites is not root:
        suites.append(root)
    cases = [_case(change) for change in made.changes if change.in_scope]
    tags = Counter(part.tag for case in cases for part in case)
    if made.exit_code and not tags["failure"] + tags["error"]:
        cases.append(_other(made))
        tags["error"] += 1
    counts = {"tests": len(cases), "failures": tags["failure"], "errors": tags["error"]}
    suite = ET.SubElement(suites, "testsuite", {"name": _SUITE, "skipped": "0", "time": "0"})
    suite.attrib.update({name: str(count) for name, count in counts.items()})
    suite.extend(cases)
    for name, count in counts.items():
        if name in suites.attrib:
            suites.set(name, str(int(suites.attrib[name]) + count))
    text: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return text


def _case(change: Change) -> ET.Element:
    place = {"classname": "securemnist.comparison", "name": line(change.id, 60), "time": "0"}
    case = ET.Element("testcase", place)
    if change.blocks:
        tag = "failure" if change.verdict is Verdict.FAIL else "error"
        ET.SubElement(case, tag, {"message": line(wording.sentence(change), 700)})
    return case


def _other(made: Comparison) -> ET.Element:
    """What stands against the new version without being a change: its own rows, or an empty scope."""
    case = ET.Element(
        "testcase", {"classname": "securemnist.comparison", "name": "verdict", "time": "0"}
    )
    ET.SubElement(case, "error", {"message": line(wording.headline(made).why, 700)})
    return case
