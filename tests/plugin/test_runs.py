"""The pytest plugin in small projects: collection, verdicts, reports."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import warm
from tests.plugin.rows import ATTACK, CLEAN, FULL, PGD, read, verdicts
from tests.policies import in_days


def test_each_row_is_one_test(project: Any) -> None:
    """Each row is one test whose id is the row's and whose markers are family and tier."""
    result = project(CLEAN + PGD, "--collect-only", "-q", "-m", "adversarial")
    result.stdout.fnmatch_lines(["*test_evasion.py::test_robust_accuracy[[]ADV-02[]]"])
    result.stdout.no_fnmatch_line("*CLEAN-01*")
    smoke = project(CLEAN + PGD, "--collect-only", "-q", "-m", "smoke")
    smoke.stdout.fnmatch_lines(["*test_clean_accuracy[[]CLEAN-01[]]"])
    smoke.stdout.no_fnmatch_line("*ADV-02*")


def test_passing_run_writes_an_assessment(project: Any, tmp_path: Path) -> None:
    """A passing run writes an assessment with every row, its subject and its scope."""
    result = project(CLEAN + ATTACK + FULL, f"--security-report={tmp_path}")
    result.assert_outcomes(passed=2, deselected=1)
    document = read(tmp_path)
    assert verdicts(tmp_path) == {"CLEAN-01": "PASS", "ADV-02": "PASS", "FULL-01": "NOT_RUN"}
    assert document["exit_code"] == 0
    assert document["scope"]["complete"] is False
    assert document["subject"]["name"] == "baseline"
    assert (tmp_path / "index.html").stat().st_size > 1_000


def test_no_report_without_the_option(project: Any, pytester: pytest.Pytester) -> None:
    """Plain pytest writes no report, and prints the table of requirements."""
    result = project(CLEAN, "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*security requirements*", "*CLEAN-01*"])
    written = [p.name for p in pytester.path.rglob("*") if "__pycache__" not in p.parts]
    assert not {"index.html", "assessment.json", "summary.md"} & set(written)


def test_marker_full_selects_the_full_tier(project: Any, tmp_path: Path) -> None:
    """`-m full` raises the tier of the run, so that its rows are not deselected."""
    project(CLEAN + FULL, "-m", "full", f"--security-report={tmp_path}").assert_outcomes(
        passed=1, deselected=1
    )
    assert verdicts(tmp_path) == {"CLEAN-01": "NOT_RUN", "FULL-01": "PASS"}


def test_missed_threshold_prints_the_finding(project: Any) -> None:
    """A failing row fails its test and prints the sentence of its finding."""
    result = project(CLEAN.replace("0.9", "1.0"))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*CLEAN-01 FAIL: clean_accuracy 0.9* < 1*"])


def test_waived_row_xfails_until_its_last_day(project: Any, tmp_path: Path) -> None:
    """A waived row xfails and does not fail the run; after its last day it does."""
    red = CLEAN.replace("0.9", "1.0")
    good = CLEAN.replace("CLEAN-01", "CLEAN-02")
    waived = red + f'waiver = {{ reason = "known", expires = {in_days(1)} }}\n'
    project(waived + good, f"--security-report={tmp_path}").assert_outcomes(xfailed=1, passed=1)
    assert read(tmp_path)["exit_code"] == 0
    assert verdicts(tmp_path) == {"CLEAN-01": "FAIL", "CLEAN-02": "PASS"}
    expired = red + 'waiver = { reason = "known", expires = 2020-01-01 }\n'
    project(expired, f"--security-report={tmp_path}").assert_outcomes(failed=1)
    assert read(tmp_path)["exit_code"] == 1


def test_assessment_independent_of_workers_and_order(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two workers in random order the assessment is byte for byte that of one process."""
    monkeypatch.setattr(sys, "executable", warm.executable())  # of workers
    policy = CLEAN + PGD.replace("0.05", "0.2") + FULL  # a search that finds leaves more to differ
    project(policy, f"--security-report={tmp_path / 'one'}")
    arguments = ("-n", "2", "-p", "randomly", "-p", "xdist")
    project(policy, *arguments, f"--security-report={tmp_path / 'two'}")
    one, two = (without_times(read(tmp_path / name)) for name in ("one", "two"))
    assert json.dumps(one) == json.dumps(two)


def without_times(value: Any) -> Any:
    """The same data with every number of seconds taken out."""
    if isinstance(value, dict):
        return {k: without_times(v) for k, v in value.items() if k not in ("seconds", "time")}
    return [without_times(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("configured", [False, True])
def test_repeat_command_names_the_policy_if_needed(
    project: Any, pytester: pytest.Pytester, tmp_path: Path, small_mnist: Path, configured: bool
) -> None:
    """A policy outside the project is named by its path, the project's own policy is not named."""
    theirs = tmp_path / "theirs.toml"
    theirs.write_text(CLEAN.replace("CLEAN-01", "THEIRS-01"))
    words = [f"--security-report={tmp_path}"]
    if configured:
        pytester.makepyprojecttoml(f"[tool.securemnist]\npolicy = '{theirs}'")
    else:
        words.append(f"--security-policy={theirs}")
    project(CLEAN, *words)
    (finding,) = read(tmp_path)["findings"]
    command = "securemnist assess --model baseline --row THEIRS-01 --tier smoke"
    policy = "" if configured else f" --policy={theirs}"
    data = shlex.quote(f"--data={small_mnist}")
    assert finding["replay"] == f"{command}{policy} {data} --project={pytester.path}"


def test_plugin_is_inactive_without_a_policy(pytester: pytest.Pytester) -> None:
    """In a project without a policy the plugin neither prints nor imports torch."""
    pytester.makepyfile(
        """
        import sys

        def test_theirs():
            assert not {"torch", "pydantic", "securemnist.measures"} & set(sys.modules)
        """
    )
    other = ("-p", "no:schemathesis", "-p", "no:hypothesispytest")  # plugins that take seconds
    result = pytester.runpytest_subprocess("-p", "no:randomly", *other)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*security requirements*")


@pytest.mark.parametrize("command", [["-m", "pytest", "--help"], ["-m", "securemnist", "--help"]])
def test_help_imports_no_torch(command: list[str], tmp_path: Path) -> None:
    """`--help` does not import torch."""
    run = [sys.executable, "-X", "importtime", *command]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "securemnist" in done.stderr
    assert not [line for line in done.stderr.splitlines() if line.split("|")[-1].strip() == "torch"]


def test_model_fixture_is_named_after_its_project(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """The model of a conftest's fixture is assessed under the project's name."""
    pytester.makeconftest(
        """
        import pytest, torch

        @pytest.fixture(scope="session")
        def model():
            return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
        """
    )
    project(CLEAN, f"--security-report={tmp_path}", model=False).assert_outcomes(failed=1)
    subject = read(tmp_path)["subject"]
    assert (subject["name"], subject["parameters"]) == (pytester.path.name, 7_850)


def _stale(project: Any, folder: Path) -> None:
    """A whole, green report of another model in `folder`."""
    project(CLEAN, f"--security-report={folder}", "--security-model=certified")
    assert read(folder)["subject"]["name"] == "certified"


def test_older_report_is_replaced(project: Any, pytester: pytest.Pytester) -> None:
    """Plain pytest in a project whose `reports` contains an older report writes a new one there."""
    folder = pytester.path / "reports"
    _stale(project, folder)
    (folder / "notes.txt").write_text("the user's own")
    result = project(CLEAN.replace("at_least = 0.9", "at_least = 1.0"))
    assert read(folder)["subject"]["name"] == "baseline"
    assert "baseline</title>" in (folder / "index.html").read_text()
    assert (folder / "notes.txt").exists()
    result.stdout.fnmatch_lines(["report: *reports/index.html"])


def test_unwritable_report_does_not_pass(project: Any, pytester: pytest.Pytester) -> None:
    """If the older report cannot be replaced, the verdict is printed and pytest does not exit 0."""
    folder = pytester.path / "reports"
    _stale(project, folder)
    (folder / "summary.md").unlink()
    (folder / "summary.md").mkdir()
    result = project(CLEAN)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        ["*PASS*CLEAN-01*", "no report was written: *summary.md: expected a file*"]
    )


def test_repeat_command_works_from_another_folder(
    project: Any, pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """Run in another folder, the command measures the same row of the same policy and model."""
    project(CLEAN + ATTACK, f"--security-report={tmp_path / 'one'}")
    first = {f["requirement"]["id"]: f for f in read(tmp_path / "one")["findings"]}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = first["ADV-02"]["replay"]
    assert f"--project={pytester.path}" in command
    program = tmp_path / "securemnist"
    program.write_text(f'#!/bin/sh\nexec {warm.executable()} -m securemnist "$@"\n')
    program.chmod(0o700)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(
        ["bash", "-c", command],
        cwd=elsewhere,
        env=env,
        capture_output=True,
        timeout=300,
        check=False,
    )
    repeated = read(elsewhere / "reports")
    again = {f["requirement"]["id"]: f for f in repeated["findings"]}
    assert [name for name, f in again.items() if f["in_scope"]] == ["ADV-02"]
    assert again["ADV-02"]["requirement"] == first["ADV-02"]["requirement"]
    for key in ("value", "low", "high", "n", "seed"):
        assert again["ADV-02"]["measurement"][key] == first["ADV-02"]["measurement"][key]
    assert repeated["policy"]["digest"] == read(tmp_path / "one")["policy"]["digest"]
    assert repeated["subject"]["digest"] == read(tmp_path / "one")["subject"]["digest"]
