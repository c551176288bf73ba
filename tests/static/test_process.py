"""The process of a tool: limited, isolated, and checked for success."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from securemnist.errors import MeasureError
from securemnist.static.process import run_for_json


def run(program: str, folder: Path, *, seconds: float = 30) -> dict[str, object]:
    """The output of a Python program, read as the report of a tool."""
    command = [sys.executable, "-c", program]
    return run_for_json(command, folder=folder, tool="tool", environment={}, seconds=seconds)


def test_run_for_json_reads_stdout(tmp_path: Path) -> None:
    """The report is the JSON object on standard output; standard error is not read."""
    assert run("import sys; print('hm', file=sys.stderr); print('{\"a\": 1}')", tmp_path) == {
        "a": 1
    }


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit(2)",
        "print('{}'); raise SystemExit(1)",
        "print('no json')",
        "print('[1]')",
        "print('[' * 100_000)",
        "import os; os.abort()",
    ],
)
def test_failed_tool_is_error(tmp_path: Path, program: str) -> None:
    """A tool that fails gives no result."""
    with pytest.raises(MeasureError, match="expected a report of tool, got exit code"):
        run(program, tmp_path)


def test_missing_program_is_error(tmp_path: Path) -> None:
    """A tool that does not start is one sentence."""
    with pytest.raises(MeasureError, match="expected tool to start, got"):
        run_for_json([str(tmp_path / "none")], folder=tmp_path, tool="tool", environment={})


def test_time_limit_kills_children(tmp_path: Path) -> None:
    """The time limit ends the tool and its child processes."""
    program = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "pathlib.Path('pid').write_text(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    with pytest.raises(MeasureError, match="expected tool to end within 3 s, got none; name fewer"):
        run(program, tmp_path, seconds=3)
    child = Path("/proc") / (tmp_path / "pid").read_text()
    deadline = time.monotonic() + 20
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(process: Path) -> bool:
    """Whether a process is alive and not a zombie."""
    try:
        return process.joinpath("stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_tools_do_not_import_project(tmp_path: Path) -> None:
    """A json.py in the project is not imported by a tool."""
    (tmp_path / "json.py").write_text("raise SystemExit('imported')\n")
    assert run("import json; print(json.dumps({}))", tmp_path) == {}


def test_user_variables_have_no_effect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables that add rules, or turn warnings into errors, do not reach the tool."""
    monkeypatch.setenv("SEMGREP_RULES", "p/default")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    environment = run("import json, os; print(json.dumps(dict(os.environ)))", tmp_path)
    assert not {"SEMGREP_RULES", "PYTHONWARNINGS"} & set(environment)
    assert environment["PATH"] == os.environ["PATH"]
