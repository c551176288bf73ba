"""The suite of static analysis in a user's pytest run."""

from __future__ import annotations

import json
import shutil

import pytest

from securemnist._util import resources
from tests.commands import run
from tests.policies import STATIC, table
from tests.static.conftest import CLEAN, FLASK_PAGE, Write

POLICY = table(
    {**STATIC, "tools": '["bandit"]', "level": '"medium"', "exclude": '["security_tests"]'},
    at_most="0",
)


def test_failed_row_names_place(pytester: pytest.Pytester) -> None:
    """A debug server fails the row with its place; fixed, the row passes; removed, it skips."""
    suites = pytester.mkdir("security_tests")
    shutil.copy(resources.SUITES / "test_static.py", suites)
    (suites / "thresholds.toml").write_text(POLICY)
    page = pytester.path / "page.py"
    options = ("--security-model=baseline", "-p", "no:randomly", "-rs", "security_tests")
    page.write_text(FLASK_PAGE)
    red = pytester.runpytest(*options)
    red.assert_outcomes(failed=1)
    red.stdout.fnmatch_lines(["*page.py:7: high: bandit B201:*"])
    red.stdout.fnmatch_lines(["*STATIC-01 FAIL*static_findings 1 > 0*"])
    page.write_text(CLEAN)
    pytester.runpytest(*options).assert_outcomes(passed=1)
    page.unlink()
    gone = pytester.runpytest(*options)
    gone.assert_outcomes(skipped=1)
    gone.stdout.fnmatch_lines(["*expected Python files in this folder, got none*"])


def test_measure_needs_no_model(write: Write) -> None:
    """`measure static_findings` measures a folder of code without a model."""
    here = write({"page.py": FLASK_PAGE})
    done = run("measure", "static_findings", "--set", 'tools=["bandit"]', "--json", "out.json")
    assert done.exit_code == 0, done.output
    document = json.loads((here / "out.json").read_text())
    assert (document["model"], document["subject"], document["value"]) == (None, None, 1.0)
    assert document["seconds"] > 0
