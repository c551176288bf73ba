"""Settings of Python and pytest do not change verdicts; those that could are refused in one sentence."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from securemnist._util import resources
from securemnist._util.resources import ROOT
from tests.plugin.rows import CLEAN, FULL, MODEL, PGD, RED, verdicts
from tests.policies import LATENCY, in_days, table

WAIVED = RED + f'waiver = {{ reason = "known", expires = {in_days(30)} }}\n'
# Its measurement raises for a model that refuses 33 images.
BROKEN = table(LATENCY, against='"baseline"', batch="33", rounds="6")


@pytest.mark.parametrize("mark", ["skip", "xfail", "fail_at_collect"])
def test_measure_without_a_row_is_left_out(
    project: Any, pytester: pytest.Pytester, mark: str
) -> None:
    """Suites without a row are removed, whatever pytest's setting for empty parameter sets."""
    pytester.makeini(f"[pytest]\nempty_parameter_set_mark = {mark}\n")
    result = project(CLEAN)
    result.assert_outcomes(passed=1)
    assert result.ret == 0


def test_common_pytest_options_change_no_verdict(project: Any) -> None:
    """Options that users set for all of their tests neither stop the gate nor deselect rows."""
    options = ("-q", "--color=yes", "-ra", "--tb=short", "-Werror", "--no-header")
    assert project(RED, *options).ret == pytest.ExitCode.TESTS_FAILED
    assert project(CLEAN, *options).ret == 0


def test_failed_row_fails_without_terminal_plugin(project: Any) -> None:
    """Without pytest's terminal plugin a failed row still fails the run."""
    assert project(RED, "-p", "no:terminal").ret == pytest.ExitCode.TESTS_FAILED


def test_warnings_of_the_model_stay_warnings(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """A warning during inference stays a warning under filterwarnings = error."""
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    pytester.makeconftest(
        """
        import pytest, torch, warnings

        class Old(torch.nn.Module):
            def forward(self, x):
                warnings.warn("deprecated")
                return x.flatten(1)[:, :10] + torch.arange(10)

        @pytest.fixture(scope="session")
        def model():
            return Old()
        """
    )
    project(CLEAN, f"--security-report={tmp_path}", model=False)
    assert verdicts(tmp_path) == {"CLEAN-01": "FAIL"}


@pytest.mark.parametrize("options", [[], ["--runxfail"], ["-o", "xfail_strict=true"]])
def test_xfail_options_do_not_affect_waived_rows(
    project: Any, tmp_path: Path, options: list[str]
) -> None:
    """Options about xfail make a waived row neither fail nor pass."""
    result = project(WAIVED, f"--security-report={tmp_path}", *options)
    result.assert_outcomes(xfailed=1)
    assert result.ret == 0
    assert verdicts(tmp_path) == {"CLEAN-01": "FAIL"}


def test_xfail_mark_does_not_waive_a_row(project: Any, pytester: pytest.Pytester) -> None:
    """A suite marked xfail still fails the run: only a waiver with a date does not."""
    suite = pytester.path / "security_tests" / "test_clean.py"
    marked = "import pytest\n\npytestmark = pytest.mark.xfail\n"
    suite.write_text(suite.read_text().replace("import pytest\n", marked))
    result = project(RED)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*not passed, so this run fails: CLEAN-01*"])


def test_verdict_independent_of_python_optimisation() -> None:
    """No verdict is an assert statement, which `python -O` leaves out."""
    ours = ROOT / "securemnist"
    for path in (
        *resources.SUITES.glob("*.py"),
        *(ours / "plugin").glob("*.py"),
        ours / "suites.py",
    ):
        nodes = ast.walk(ast.parse(path.read_text()))
        assert not [node.lineno for node in nodes if isinstance(node, ast.Assert)], path


def test_imported_suites_have_verdicts(project: Any, pytester: pytest.Pytester) -> None:
    """A failed row fails its test where the project imports the suites."""
    suites = pytester.path / "security_tests"
    for path in suites.glob("test_*.py"):
        path.unlink()
    (suites / "test_security.py").write_text("from securemnist.suites import *\n")
    result = project(RED)
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_row_of_two_files_is_measured_once(project: Any, pytester: pytest.Pytester) -> None:
    """A suite of `init` and one of the user import the same tests; another fixture is another test."""
    suites = pytester.path / "security_tests"
    for path in suites.glob("test_*.py"):
        path.unlink()
    for name in ("test_own.py", "test_security.py"):
        (suites / name).write_text("from securemnist.suites import *\n")
    result = project(CLEAN)
    result.assert_outcomes(passed=1, deselected=1)
    assert result.ret == 0
    project(CLEAN, "-k", "test_security").assert_outcomes(passed=1, deselected=1)
    skipped = "import pytest\npytestmark = pytest.mark.skip\nfrom securemnist.suites import *\n"
    (suites / "test_own.py").write_text(skipped)
    project(CLEAN).assert_outcomes(passed=1, skipped=1)


def test_failed_row_prints_no_python_code(project: Any) -> None:
    """A failed row prints its finding, and no line of Python."""
    result = project(RED)
    text = result.stdout.str()
    assert "CLEAN-01 FAIL: clean_accuracy 0.9" in text
    assert not re.search(r"^(E  |>  )|def test_|security_record|Traceback", text, re.MULTILINE)


def test_junit_distinguishes_error_and_failure(
    project: Any, pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ERROR is an <error>, a FAIL a <failure>; each number is a property of its own."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # under it latency does not apply
    pytester.makeconftest(
        """
        import pytest, torch

        class Moody(torch.nn.Module):
            def forward(self, x):
                if len(x) == 33:
                    raise RuntimeError("33 at once")
                return x.flatten(1)[:, :10]

        @pytest.fixture(scope="session")
        def model():
            return Moody()
        """
    )
    quiet = "ignore:Benchmark fixture was not used"  # its row raised before it was timed
    words = f"--junitxml={tmp_path / 'junit.xml'}", "-W", quiet
    project(CLEAN + BROKEN, *words, model=False)
    suite = ET.parse(tmp_path / "junit.xml").getroot().find("testsuite")  # noqa: S314
    assert suite is not None
    assert (suite.get("failures"), suite.get("errors")) == ("1", "1")
    failed, error = suite.findall("testcase")
    assert [node.tag for node in error if node.tag != "properties"] == ["error"]
    assert [node.tag for node in failed if node.tag != "properties"] == ["failure"]
    found = {p.get("name"): p.get("value") for p in failed.iter("property")}
    assert found["verdict"] == "FAIL"
    numbers = {name: float(str(found[name])) for name in ("value", "threshold", "low", "high", "n")}
    assert numbers["threshold"] == 0.9
    assert numbers["n"] == 300
    assert numbers["low"] <= numbers["value"] <= numbers["high"] < 0.9
    assert float(str(found["seconds"])) >= 0


def test_other_tests_import_no_torch(project: Any, pytester: pytest.Pytester) -> None:
    """In a project with a policy and suites, a run of other tests imports neither torch nor pydantic."""
    (pytester.path / "security_tests" / "thresholds.toml").write_text(CLEAN + PGD + FULL)
    pytester.makepyprojecttoml("[tool.securemnist]\nmodel = 'baseline'\n")
    pytester.makepyfile(
        test_theirs="""
        import sys

        def test_theirs():
            ours = {"securemnist.measures", "securemnist.results.policy"}
            heavy = {"torch", "pydantic", "numpy", "rich", *ours}
            assert not heavy & set(sys.modules)
        """
    )
    others = ("randomly", "hypothesispytest", "schemathesis", "benchmark")
    plugins = [f"-pno:{name}" for name in others]
    result = pytester.runpytest_subprocess(*plugins, "test_theirs.py")
    result.assert_outcomes(passed=1)


def test_project_helper_passes_the_model_option(project: Any) -> None:
    """The project helper of these tests names a model, unless a test asks for none."""
    assert MODEL.endswith("=baseline")
    assert project(CLEAN, model=False).ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    "words",
    [
        "-o testpaths=tests",
        "-otestpaths=tests",
        "--override-ini=python_files=test_unit.py",
        "--fixtures",
        "--help",
        "--cache-show",
    ],
)
def test_pytest_addopts_cannot_hide_the_suites(
    project: Any, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """PYTEST_ADDOPTS that stops suites from being collected or run is a usage error."""
    monkeypatch.setenv("PYTEST_ADDOPTS", words)
    result = project(CLEAN, apart=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*expected PYTEST_ADDOPTS without options that hide the suites*"])
