"""Conventions of the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import SLOW

CONFTEST = Path(__file__).with_name("conftest.py").read_text()


@pytest.mark.parametrize("docstring", ["", '"""Two and two are four."""; '])
def test_missing_docstring_stops_collection(docstring: str, pytester: pytest.Pytester) -> None:
    """A collected test without a docstring stops the run with one sentence."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(f"def test_sum(): {docstring}assert 2 + 2 == 4")
    result = pytester.runpytest_inprocess("-p", "no:randomly")
    if docstring:
        result.assert_outcomes(passed=1)
        return
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*::test_sum: expected a claim as its docstring, got none"])


def test_slow_tests_exist() -> None:
    """Every test that begins first is one of these tests."""
    texts = [path.read_text() for path in Path(__file__).parent.rglob("test_*.py")]
    names = {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.M)}
    assert SLOW - names == set()
