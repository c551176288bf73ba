"""`assess`, `report` and pytest write the files for other programs, as their users run them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from securemnist.exports import FILES
from tests.cli.test_endings import ASSESS, CONFTEST, OTHER, ROW
from tests.commands import run
from tests.data import small
from tests.exports import junit_form
from tests.exports.sarif_files import check_github_rules

FAILING = ROW.replace("0.15", "1.0")


@pytest.fixture
def folder(tmp_path: Path, small_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in a folder of a repository, inside a job of GitHub Actions."""
    inside = tmp_path / "models" / "reader"
    inside.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (inside / "pyproject.toml").write_text(small.settings(small_mnist))
    (inside / "conftest.py").write_text(CONFTEST)
    (inside / "small.toml").write_text(FAILING + OTHER)
    monkeypatch.chdir(inside)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return inside


def result(folder: Path, rule: str) -> dict[str, Any]:
    """A result of results.sarif, which GitHub can show."""
    log = json.loads((folder / "results.sarif").read_text())
    check_github_rules(log)
    (found,) = [one for one in log["runs"][0]["results"] if one["ruleId"] == rule]
    return dict(found)


def test_a_failed_row_is_shown_at_its_line(folder: Path) -> None:
    """Annotation, SARIF and Code Quality name the line of the row, from the repository's root."""
    done = run(*ASSESS)
    assert done.exit_code == 1, done.output
    path, line = "models/reader/small.toml", 2
    assert (folder / "small.toml").read_text().split("\n")[line - 1] == 'id = "CLEAN-01"'
    commands = [text for text in done.output.splitlines() if text.startswith("::")]
    assert len(commands) == 1
    assert commands[0].startswith(f"::error file={path},line={line},title=CLEAN-01 FAIL::")
    place = result(folder / "reports", "CLEAN-01")["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == (path, line)
    (entry,) = json.loads((folder / "reports" / "gl-code-quality-report.json").read_text())
    assert entry["location"] == {"path": path, "lines": {"begin": line}}
    junit_form.check((folder / "reports" / "junit.xml").read_bytes())
    again = run("report", "reports/assessment.json", "--out", "again")
    assert commands[0] in again.output.splitlines()
    for name in FILES:
        assert (folder / "again" / name).exists() == (folder / "reports" / name).exists()
        if (folder / "again" / name).exists():
            assert (folder / "again" / name).read_bytes() == (
                folder / "reports" / name
            ).read_bytes()


def test_an_interrupted_run_looks_complete_nowhere(folder: Path) -> None:
    """After Ctrl-C, JUnit has an error, SARIF a result and the log an annotation for what is left."""
    (folder / "small.toml").write_text(FAILING.replace("1.0", "0.15") + OTHER)
    (folder / "stop").touch()
    done = run(*ASSESS)
    assert done.exit_code == 3, done.output
    assert "::warning file=models/reader/small.toml,line=8,title=CLEAN-02 NOT_RUN::" in done.output
    root = junit_form.check((folder / "reports" / "junit.xml").read_bytes())
    (error,) = [case for case in root.iter("testcase") if case.find("error") is not None]
    assert error.get("name") == "CLEAN-02"
    assert "interrupted" in result(folder / "reports", "securemnist/not-decided")["message"]["text"]
