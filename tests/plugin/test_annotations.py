"""pytest with the plugin in a job of GitHub Actions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.plugin.rows import RED


def test_a_failed_row_is_annotated_in_a_github_job(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain pytest prints the command at the start of a line, in a job only, and writes SARIF."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    command = "::error file=security_tests/thresholds.toml,line=2,title=CLEAN-01 FAIL::"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = project(RED, f"--security-report={tmp_path}")
    assert sum(line.startswith(command) for line in result.outlines) == 1
    (run,) = json.loads((tmp_path / "results.sarif").read_text())["runs"]
    assert [one["ruleId"] for one in run["results"]] == ["CLEAN-01"]
    monkeypatch.delenv("GITHUB_ACTIONS")
    result = project(RED)
    assert not [line for line in result.outlines if line.startswith("::")]
