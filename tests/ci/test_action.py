"""The GitHub Action and the Jenkinsfile: their scripts, as the services run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from securemnist.initial_policy import templates
from tests.ci.services import ACTION, Step, action, jenkins, run
from tests.comparison.test_commands import POLICY, TOY

INPUTS = ("MODEL", "POLICY", "TIER", "OUT", "REQUIREMENTS")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A project with a policy whose first row fails."""
    folder = tmp_path / "work"
    (folder / "security_tests").mkdir(parents=True)
    row = POLICY.split("[[requirement]]")[1].replace("at_least = 0.5", "at_least = 1.0")
    (folder / templates.POLICY).write_text(f"[[requirement]]{row}")
    (folder / "reader.py").write_text(TOY)
    return folder


def steps(name: str, work: Path, tools: Path, **inputs: str) -> tuple[int, str, str]:
    """A step of the action with these inputs: exit code, output, and the action's outputs."""
    values = {key: inputs.get(key, "") for key in INPUTS} | {"OUT": inputs.get("OUT", "reports")}
    outputs = work / "outputs"
    outputs.write_text("")
    here = {"GITHUB_OUTPUT": str(outputs), "GITHUB_ACTION_PATH": "/the action"}
    code, output = run([Step(action()[name]["run"])], work, tools, values | here)
    return code, output, outputs.read_text()


def test_inputs_reach_the_scripts_as_variables() -> None:
    """Each input is read by a step, and its name is a variable of the step that runs a script."""
    text = json.dumps(ACTION["runs"]["steps"])
    for name in ACTION["inputs"]:
        assert text.count(f"inputs.{name} }}}}") >= 1
    for step in action().values():
        if "run" in step:
            assert step["shell"] == "bash"
            assert all(f"${key}" in step["run"] for key in step["env"])


@pytest.mark.timeout(600)
def test_the_action_assesses_a_model(work: Path, tools: Path) -> None:
    """Its exit code and its output are those of the assessment; SARIF lies in the folder."""
    code, output, outputs = steps("Assess", work, tools, MODEL="reader:good", TIER="smoke")
    assert (code, outputs) == (2, "exit-code=2\n"), output  # no row in this tier
    code, output, outputs = steps("Assess", work, tools, MODEL="reader:good", OUT="the report")
    assert (code, outputs) == (1, "exit-code=1\n"), output
    log = json.loads((work / "the report" / "results.sarif").read_text())
    assert [one["ruleId"] for one in log["runs"][0]["results"]] == ["CLEAN-01"]


@pytest.mark.timeout(600)
def test_a_model_that_ends_the_process_does_not_pass(work: Path, tools: Path) -> None:
    """Without an assessment of this run the action fails, although the process ended with 0."""
    (work / "reports").mkdir()
    (work / "reports" / "assessment.json").write_text("an older one")
    (work / "leaver.py").write_text("import os\n\ndef good():\n    os._exit(0)\n")
    code, output, outputs = steps("Assess", work, tools, MODEL="leaver:good")
    assert (code, outputs) == (3, "exit-code=3\n"), output


@pytest.mark.parametrize("name", INPUTS[:4])
def test_an_input_cannot_run_a_command(work: Path, tmp_path: Path, tools: Path, name: str) -> None:
    """Quotes, substitutions and line ends in an input are text: no command, no option, no output."""
    (tmp_path / "securemnist").write_text('#!/bin/sh\nprintf "%s\\n" "$#" "$@"\nexit 2\n')
    (tmp_path / "securemnist").chmod(0o755)
    for hostile in ("$(touch PWNED)", "`touch PWNED`", "'; touch PWNED; '", "--help\nexit-code=0"):
        code, output, outputs = steps("Assess", work, tmp_path, **{name: hostile})
        assert (code, outputs) == (2, "exit-code=2\n")
        assert f"--{name.lower()}={hostile}" in output
        assert not (work / "PWNED").exists()


@pytest.mark.parametrize(
    ("requirements", "expected"),
    [
        ("locked.txt", ["install", "--require-hashes", "--requirement=locked.txt"]),
        ("", ["install", "--constraint=/the action/constraints.txt", "/the action"]),
    ],
    ids=["locked", "the action's own"],
)
def test_the_action_installs_pinned_versions(
    work: Path, tmp_path: Path, requirements: str, expected: list[str]
) -> None:
    """With a file of hashes pip takes nothing else; without one, the tested versions."""
    (tmp_path / "pip").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "pip").chmod(0o755)
    code, output, _ = steps("Install", work, tmp_path, REQUIREMENTS=requirements)
    assert (code, output.splitlines()) == (0, expected)


@pytest.mark.timeout(600)
def test_the_jenkinsfile_runs_the_gate(work: Path, tools: Path) -> None:
    """A failing model fails the stage, and what its `post` section reads is there."""
    (work / "conftest.py").write_text(templates.conftest("reader:good"))
    script = jenkins()[0].script
    for line in ("python3 -m venv --clear .security-venv", ". .security-venv/bin/activate"):
        assert line in script
        script = script.replace(line, ":")
    code, output = run([Step(script)], work, tools, {})
    assert code == 1, output
    names = {path.name for path in (work / "reports").iterdir()}
    assert {"junit.xml", "results.sarif", "index.html"} <= names
