"""The workflows in the documents: parsed, and run against a project of somebody's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from securemnist import resources, scaffold
from tests.compare.test_commands import POLICY, TOY
from tests.releases import BETTER, WORSE

CI = resources.ROOT / "docs" / "ci"
GITHUB = yaml.safe_load((CI / "github.yml").read_text())
GITLAB = yaml.safe_load((CI / "gitlab.yml").read_text())


@dataclass(frozen=True)
class Step:
    """A shell script of a job; `always` runs after a failure, too."""

    script: str
    always: bool = False


@dataclass(frozen=True)
class Service:
    """One CI service: the steps of its gate and its record, and what it tells a job."""

    gate: list[Step]
    record: list[Step]
    variables: dict[str, str]
    teller: str


def github(job: str) -> list[Step]:
    """The scripts of a job of the GitHub workflow."""
    steps = GITHUB["jobs"][job]["steps"]
    return [Step(s["run"], "always()" in s.get("if", "")) for s in steps if "run" in s]


def gitlab(job: str) -> list[Step]:
    """The scripts of a job of the GitLab pipeline: one shell each, as its runner has it."""
    made = [Step("\n".join(GITLAB[job]["script"]))]
    return made + [Step(line, always=True) for line in GITLAB[job].get("after_script", ())]


SERVICES = {
    "github": Service(
        github("gate"), github("record"), {"GITHUB_BASE_REF": "main", "NUMBER": "7"}, "gh"
    ),
    "gitlab": Service(
        gitlab("security-gate"),
        gitlab("security-record"),
        {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_DEFAULT_BRANCH": "main"},
        "curl",
    ),
}


def git(folder: Path, *words: str) -> None:
    """A git command that must work."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def run(steps: list[Step], folder: Path, tools: Path, variables: dict[str, str]) -> tuple[int, str]:
    """The steps of a job, as a service runs them: the first failure's exit code, and all output."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "CI", "PYTEST_"))}
    env = kept | variables | {"PATH": f"{tools}:{os.environ['PATH']}", "TOLD": str(folder / "told")}
    code, output = 0, ""
    for step in steps:
        if code and not step.always:
            continue
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", step.script],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
        )
        output += done.stdout + done.stderr
        code = code or done.returncode
    return code, output


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a runner: ours is real, what would leave the machine only notes its words."""
    folder = tmp_path_factory.mktemp("tools")
    scripts = {
        "securemnist": f'exec "{sys.executable}" -m securemnist "$@"',
        "pip": "true",
        "gh": 'printf "%s\\n" "$@" >> "$TOLD"',
        "curl": 'printf "%s\\n" "$@" >> "$TOLD"',
    }
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def project(folder: Path, policy: str) -> Path:
    """A checkout of a repository with a reader, its policy, and no baseline yet."""
    work = folder / "work"
    (work / "security_tests").mkdir(parents=True)
    (work / scaffold.POLICY).write_text(policy)
    (work / "reader.py").write_text(TOY)
    (work / "conftest.py").write_text(scaffold.conftest("reader:good"))
    (work / ".gitignore").write_text("__pycache__/\nreports/\n")
    git(folder, "init", "-q", "--bare", "-b", "main", "bare.git")
    git(work, "init", "-q", "-b", "main")
    git(work, "remote", "add", "origin", str(folder / "bare.git"))
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "Our reader")
    return work


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[Path]:
    """A repository whose main branch the record job has given a baseline and a history."""
    folder = tmp_path_factory.mktemp("origin")
    work = project(folder, POLICY)
    code, output = run(SERVICES["github"].record, work, tools, {})
    assert code == 0, output
    yield folder / "bare.git"
    shutil.rmtree(folder)


def request(origin: Path, folder: Path, model: str) -> Path:
    """A checkout of a pull request that has another model answer."""
    git(folder, "clone", "-q", str(origin), "work")
    work = folder / "work"
    assert len((work / "security" / "history.jsonl").read_text().splitlines()) == 1
    (work / "reader.py").write_text(TOY + model)
    (work / "security" / "baseline.json").write_text("an edited baseline")
    git(work, "commit", "-q", "-a", "-m", "A new release")
    return work


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_worse_model_is_blocked(
    service: Service, origin: Path, tools: Path, tmp_path: Path
) -> None:
    """The floor holds, the drop does not: the job fails, and the comment says why."""
    work = request(origin, tmp_path, WORSE)
    code, output = run(service.gate, work, tools, service.variables)
    assert code == 1, output
    assert "May merge" in output
    comment = (work / "reports" / "compare.md").read_text()
    assert "Do not replace the old one" in comment
    assert "max\\_drop 0.05: FAIL" in comment
    told = (work / "told").read_text()
    assert "reports/compare.md" in told


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_a_better_model_may_come(
    service: Service, origin: Path, tools: Path, tmp_path: Path
) -> None:
    """A model that reads more digits passes, and is told so."""
    work = request(origin, tmp_path, BETTER)
    code, output = run(service.gate, work, tools, service.variables)
    assert code == 0, output
    comment = (work / "reports" / "compare.md").read_text()
    assert "May replace the old one" in comment
    assert "2 better" in comment
    assert "reports/compare.md" in (work / "told").read_text()


@pytest.mark.timeout(600)
def test_the_request_that_brings_the_gate_passes_it(tools: Path, tmp_path: Path) -> None:
    """Where the target branch has no baseline yet, a request is held against the thresholds alone."""
    work = project(tmp_path, POLICY)
    git(work, "push", "-q", "origin", "main")
    (work / "baseline.json").write_text("one of its own")
    service = SERVICES["gitlab"]
    code, output = run(service.gate, work, tools, service.variables)
    assert code == 0, output
    assert "May merge" in output
    assert not (work / "reports" / "compare.md").exists()


@pytest.mark.timeout(600)
def test_what_is_red_is_recorded(tools: Path, tmp_path: Path) -> None:
    """A merged model that fails is the baseline of the next request, and the job ends red."""
    work = project(tmp_path, POLICY.replace("at_least = 0.001", "at_least = 1.0"))
    code, output = run(SERVICES["github"].record, work, tools, {})
    assert code == 1, output
    git(tmp_path, "clone", "-q", str(tmp_path / "bare.git"), "next")
    stored = json.loads((tmp_path / "next" / "security" / "baseline.json").read_text())
    assert stored["exit_code"] == 1
    assert (tmp_path / "next" / "security" / "history.jsonl").read_text().count("\n") == 1


def test_both_services_do_the_same() -> None:
    """Gate and record run the same commands of ours on GitHub and on GitLab."""

    def ours(steps: list[Step]) -> list[str]:
        lines = [line.strip() for step in steps for line in step.script.splitlines()]
        words = ("securemnist", "git show", "cp", "set", 'test "$code"', "exit")
        return [line for line in lines if line.startswith(words)]

    one, two = SERVICES["github"], SERVICES["gitlab"]
    assert ours(one.gate) == ours(two.gate)
    assert ours(one.record) == ours(two.record)
    assert (len(ours(one.gate)), len(ours(one.record))) == (4, 5)


def test_nothing_of_a_request_reaches_a_shell() -> None:
    """No script has an expression of the service in it: titles and branch names come as variables."""
    for service in SERVICES.values():
        for step in (*service.gate, *service.record):
            assert "${{" not in step.script
    rights: dict[str, Any] = GITHUB["jobs"]["gate"]["permissions"]
    assert GITHUB["permissions"] == {"contents": "read"}
    assert rights == {"contents": "read", "pull-requests": "write"}
