"""Conventions of this test suite."""

from __future__ import annotations

from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py").read_text()


@pytest.mark.parametrize("docstring", ["", '"""Two and two are four."""; '])
def test_test_without_docstring_stops_the_run(docstring: str, pytester: pytest.Pytester) -> None:
    """A collected test without a docstring stops the run with one sentence."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(f"def test_sum(): {docstring}assert 2 + 2 == 4")
    result = pytester.runpytest_inprocess("-p", "no:randomly")
    if docstring:
        result.assert_outcomes(passed=1)
        return
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*::test_sum: expected a claim as its docstring, got none"])
