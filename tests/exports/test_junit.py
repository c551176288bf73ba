"""Suites that are added to JUnit files."""

from __future__ import annotations

import pytest

from securemnist.exports import junit
from securemnist.exports.junit import Case
from tests.exports import junit_form
from tests.exports.example import ADV, GREEN, NO_WAIVER, assessment, stopped
from tests.hostile_text import STRINGS

PYTEST = b"""<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests">
<testsuite name="pytest" errors="0" failures="0" skipped="0" tests="1" time="1.2" timestamp="x"
hostname="y"><testcase classname="a" name="b" time="0.1"><properties><property name="verdict"
value="PASS" /></properties></testcase></testsuite></testsuites>"""


def test_rows_that_were_not_reached_are_errors() -> None:
    """An interrupted run has an error for each row that it did not reach; others are as they were."""
    result = assessment(GREEN[0], stopped(ADV), stopped(NO_WAIVER))
    root = junit_form.check(junit.with_stopped(PYTEST, result))
    errors = {case.get("name") for case in root.iter("testcase") if case.find("error") is not None}
    assert errors == {"ADV-01", "STATIC-01"}
    assert junit.with_stopped(PYTEST, assessment()) == PYTEST


@pytest.mark.parametrize("value", STRINGS.values(), ids=STRINGS.keys())
def test_hostile_text_stays_text(value: str) -> None:
    """Whatever a case is called and says, the file keeps its form."""
    content = junit.added(PYTEST, "more", "ours", [Case(value, "failure", value)])
    root = junit_form.check(content)
    assert [suite.get("name") for suite in root.iter("testsuite")] == ["pytest", "more"]
