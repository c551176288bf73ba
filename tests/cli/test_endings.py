"""Commands that fail: message, exit code, and files."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from securemnist.project import settings
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Verdict
from securemnist.results.verdicts import utc_day
from tests.commands import run
from tests.data import small
from tests.policies import CLEAN, STATIC, table

ROW = table(CLEAN, images="20", at_least="0.15")
OTHER = table(CLEAN, id='"CLEAN-02"', images="30", at_least="0.15")
WITH_BASELINE = table(STATIC, baseline='"security_tests/baseline.json"', at_most="0")
# Whoever sits at the keyboard; the model is any.
CONFTEST = """
import pytest
from pathlib import Path
from securemnist.models import loading

def pytest_runtest_setup(item):
    if "CLEAN-02" in item.name and Path("stop").exists():
        raise KeyboardInterrupt

@pytest.fixture(scope="session")
def model():
    return loading.resolve("baseline").model
"""
ASSESS = ("assess", "--policy", "small.toml")


def test_subfolder_of_a_project_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a subfolder of a project the bundled policy does not replace the project's own."""
    inside = folder / "security_tests" / "notes"
    inside.mkdir(parents=True)
    (folder / "security_tests" / "thresholds.toml").write_text(ROW)
    monkeypatch.chdir(inside)
    done = run("assess")
    assert done.exit_code == 2
    assert (
        f"expected to be started in {folder}, which holds the policy security_tests" in done.output
    )
    assert not (inside / "reports").exists()


@pytest.fixture
def folder(tmp_path: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder with a model fixture and a policy of two rows."""
    (tmp_path / "pyproject.toml").write_text(small.settings(small_mnist))
    (tmp_path / "conftest.py").write_text(CONFTEST)
    rows = ROW + OTHER
    (tmp_path / "small.toml").write_text(rows)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path


def test_interrupted_run_keeps_a_complete_report(folder: Path) -> None:
    """After Ctrl-C a complete report of an earlier run is kept, and one sentence says so."""
    (folder / "stop").touch()
    cut = run(*ASSESS)
    assert cut.exit_code == 3, cut.output
    assert "interrupted after 1 of 2 rows; the rest is NOT_RUN" in cut.output
    assert "Run the complete assessment again." in cut.output
    assert Assessment.load(folder / "reports" / "assessment.json").interrupted
    (folder / "stop").unlink()
    run(*ASSESS)
    assert not Assessment.load(folder / "reports" / "assessment.json").interrupted
    before = {path: path.read_bytes() for path in (folder / "reports").iterdir()}
    (folder / "stop").touch()
    cut = run(*ASSESS)
    assert cut.exit_code == 3, cut.output
    assert (
        "reports: interrupted after 1 of 2 rows; the report of an earlier run is kept" in cut.output
    )
    assert "report: " not in cut.output
    assert {path: path.read_bytes() for path in (folder / "reports").iterdir()} == before


def test_passed_run_without_its_report_names_its_exit_code(folder: Path) -> None:
    """Where the report cannot be written, the last line has the exit code 2, not the verdict's 0."""
    obstacle = '\nPath("reports/summary.md").mkdir(parents=True)\n'  # while the rows are measured
    (folder / "conftest.py").write_text(CONFTEST + obstacle)
    done = run(*ASSESS)
    assert done.exit_code == 2
    assert "no report was written" in done.output
    assert done.output.rstrip().endswith("the exit code is 2 for that")


def test_an_interrupted_run_does_not_pass_by_its_waivers(folder: Path) -> None:
    """After Ctrl-C the exit code is 3, also where the rows that were left are waived."""
    waiver = f'waiver = {{ reason = "known", expires = {utc_day()} }}\n'
    (folder / "small.toml").write_text((folder / "small.toml").read_text() + waiver)
    (folder / "stop").touch()
    cut = run(*ASSESS)
    assert cut.exit_code == 3, cut.output
    assert "Such a row cannot be waived." in cut.output


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["-m", "latency"], "got none for standard tier, -m latency;"),
        (["--tier", "smoke", "--row", "CLEAN-01"], "got none for smoke tier, only CLEAN-01;"),
        (["--row", "CLEAN-01", "-m", "static"], "-m static, only CLEAN-01;"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_empty_selection_of_rows_is_refused(folder: Path, words: list[str], asked: str) -> None:
    """Tier, families and rows without a common row end in one sentence, and no folder is written."""
    done = run(*ASSESS, *words)
    assert done.exit_code == 2, done.output
    assert "expected a row to measure" in done.output
    assert asked in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not (folder / "reports").exists()


def test_row_with_an_error_does_not_stop_others(folder: Path) -> None:
    """A static row without baseline file names the command that writes it; other rows are measured."""
    (folder / "small.toml").write_text(ROW + WITH_BASELINE)
    run(*ASSESS)
    findings = Assessment.load(folder / "reports" / "assessment.json").findings
    assert [f.measurement is None for f in findings] == [False, True]
    assert findings[1].verdict is Verdict.ERROR
    assert "write it with `securemnist accept ROW`, where ROW is the id of" in findings[1].reason


def test_unknown_measure_is_refused_with_one_sentence(folder: Path) -> None:
    """An unknown measure ends with one sentence, and no folder is written."""
    (folder / "small.toml").write_text(ROW.replace("racy", "rasy"))
    done = run(*ASSESS)
    assert done.exit_code == 2
    assert done.output.startswith(
        "securemnist: small.toml: row CLEAN-01: expected a measure such as"
    )
    assert len(done.output.strip().splitlines()) == 1
    assert not (folder / "reports").exists()


def test_same_model_is_refused_before_assessment(folder: Path) -> None:
    """A model is not measured to be compared with its own assessment."""
    (folder / "conftest.py").unlink()
    words = (*ASSESS, "--model", "baseline", "--row", "CLEAN-01")
    run(*words, "--out", "old")
    done = run(*words, "--against", "old/assessment.json")
    assert done.exit_code == 2
    assert "got the same one twice" in done.output
    assert len(done.output.strip().splitlines()) == 1
    assert not (folder / "reports").exists()


def test_same_model_of_a_fixture_is_refused_before_the_first_row(folder: Path) -> None:
    """A `model` fixture that returns the older version is refused before the first row."""
    run(*ASSESS, "--model", "baseline", "--row", "CLEAN-01", "--out", "old")
    done = run(*ASSESS, "--row", "CLEAN-01", "--against", "old/assessment.json")
    assert done.exit_code == 2
    assert not (folder / "reports").exists()
    allowed = ("--against", "old/assessment.json", "--same-model")
    run(*ASSESS, "--row", "CLEAN-01", *allowed)
    assert (folder / "reports" / "compare.json").exists()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (PermissionError(13, "Permission denied", "pyproject.toml"), 2, "pyproject.toml: expected"),
        (ZeroDivisionError("by zero\nat last"), 3, "got ZeroDivisionError (by zero) in test_endin"),
        (KeyboardInterrupt(), 3, "interrupted, nothing was decided"),
        (BrokenPipeError(32, "Broken pipe"), 3, ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_unexpected_error_never_exits_1(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    words: str,
) -> None:
    """An unexpected error ends with one sentence and exit code 2 or 3, never 1."""

    def fails(_: Path) -> NoReturn:
        raise error

    monkeypatch.setattr(settings, "load", fails)
    done = run(*ASSESS)
    assert done.exit_code == code, done.output
    assert words in done.output
    assert len(done.output.strip().splitlines()) == bool(words)
