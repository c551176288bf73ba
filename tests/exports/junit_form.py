"""The form of a JUnit file: elements and attributes of `junit-10.xsd`, see schemas/README.md."""

from __future__ import annotations

import xml.etree.ElementTree as ET

_OUTPUT = {"system-out", "system-err"}
_OUTCOMES = {"skipped", "error", "failure"}
# By element: attributes that it has to have, those that it may have, and its children.
_FORM: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp", "hostname", "id", "package", "file"},
        {"testsuite", "properties", "testcase", *_OUTPUT},
    ),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {*_OUTCOMES, *_OUTPUT, "properties"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    **{tag: (set(), {"type", "message"}, set()) for tag in _OUTCOMES},
    **{tag: (set(), set(), set()) for tag in _OUTPUT},
}


def check(content: bytes) -> ET.Element:
    """The root of a file of this form, whose counts are those of its cases; AssertionError otherwise."""
    root = ET.fromstring(content)  # noqa: S314
    assert root.tag in ("testsuites", "testsuite")
    for element in root.iter():
        needed, allowed, children = _FORM[element.tag]
        assert needed <= set(element.attrib) <= needed | allowed, element.tag
        assert {child.tag for child in element} <= children, element.tag
    for suite in root.iter("testsuite"):
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.attrib[name]) == sum(case.find(tag) is not None for case in cases)
    return root
