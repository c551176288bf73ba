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


def added(junit: bytes, comparison: Comparison) -> bytes:
    """`junit`, as pytest wrote it, with a test case for each row in scope of the comparison."""
    root = ET.fromstring(junit)  # nosec B314 # as above  # noqa: S314
    suites = root if root.tag == "testsuites" else ET.Element("testsuites")
    if suites is not root:
        suites.append(root)
    cases = [_change(change) for change in comparison.changes if change.in_scope]
    tags = Counter(part.tag for case in cases for part in case)
    if comparison.exit_code and not tags["failure"] + tags["error"]:
        # Its own rows or an empty scope stand against the new version, and no change does.
        cases.append(_case("verdict", "error", wording.headline(comparison).why))
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


def _change(change: Change) -> ET.Element:
    tag = "failure" if change.verdict is Verdict.FAIL else "error"
    return _case(change.id, tag if change.blocks else "", wording.sentence(change))


def _case(name: str, tag: str, message: str) -> ET.Element:
    """A test case, with a child of this tag where it did not pass."""
    place = {"classname": "securemnist.comparison", "name": line(name, 60), "time": "0"}
    case = ET.Element("testcase", place)
    if tag:
        ET.SubElement(case, tag, {"message": line(message, 700)})
    return case
