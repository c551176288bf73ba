"""The CI workflows in docs/ci: parsed, and run in a small project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from securemnist._util import resources
from securemnist.initial_policy import templates
from tests.changed_models import BETTER, WORSE
from tests.comparison.test_commands import POLICY, TOY

CI = resources.ROOT / "docs" / "ci"
GITHUB = yaml.safe_load((CI / "github.yml").read_text())
GITLAB = yaml.safe_load((CI / "gitlab.yml").read_text())
SECRET = "a-token-of-the-job"  # noqa: S105 # not one
# The model's code notes what it can read.
SPY = """
import os, pathlib
pathlib.Path(__file__).with_name("spied").write_text(repr(dict(os.environ)))
"""


@dataclass(frozen=True)
class Step:
    """A shell script of a job; `always` runs after a failure, too."""

    script: str
    always: bool = False


@dataclass(frozen=True)
class Service:
    """One CI service: the steps of its jobs, what it tells each, and what it tells a request."""

    baseline: list[Step]
    measure: list[Step]
    comment: list[Step]
    store: list[Step]
    variables: dict[str, str]
    request: dict[str, str]


def github(job: str) -> list[Step]:
    """The scripts of a job of the GitHub workflow."""
    steps = GITHUB["jobs"][job]["steps"]
    return [Step(s["run"], "always()" in s.get("if", "")) for s in steps if "run" in s]


def gitlab(job: str) -> list[Step]:
    """The scripts of a job of the GitLab pipeline: one shell each, as its runner has it."""
    return [Step("\n".join(GITLAB[f"security-{job}"]["script"]))]


JOBS = ("baseline", "measure", "comment", "store")
SERVICES = {
    "github": Service(
        *(github(job) for job in JOBS),
        variables={"REQUEST": "false"},
        request={"REQUEST": "true", "NUMBER": "7"},
    ),
    "gitlab": Service(
        *(gitlab(job) for job in JOBS),
        variables={
            # What every job of a GitLab runner has.
            "CI_JOB_TOKEN": SECRET,
            "CI_REPOSITORY_URL": f"https://gitlab-ci-token:{SECRET}@localhost/x.git",
            "CI_SERVER_HOST": "localhost",
            "CI_PROJECT_PATH": "x",
        },
        request={"CI_PIPELINE_SOURCE": "merge_request_event"},
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
    """A checkout of a repository with a reader and its policy, and no record yet."""
    work = folder / "work"
    (work / "security_tests").mkdir(parents=True)
    (work / templates.POLICY).write_text(policy)
    (work / "reader.py").write_text(TOY + SPY)
    (work / "conftest.py").write_text(templates.conftest("reader:good"))
    (work / ".gitignore").write_text("__pycache__/\nreports/\nbaseline/\nrecord/\nspied\n")
    git(folder, "init", "-q", "--bare", "-b", "main", "bare.git")
    git(work, "init", "-q", "-b", "main")
    git(work, "remote", "add", "origin", str(folder / "bare.git"))
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "Our reader")
    git(work, "push", "-q", "origin", "main")
    return work


def checkout(origin: Path, folder: Path) -> Path:
    """A fresh checkout, as each job has one."""
    git(folder, "clone", "-q", str(origin), "work")
    return folder / "work"


def record(service: Service, work: Path, tools: Path, store: Path) -> tuple[int, int, str]:
    """The jobs of a push to main, each in a checkout of its own: exit codes of measure and store."""
    origin = work.parent / "bare.git"
    code, output = run(service.baseline, work, tools, service.variables)
    assert code == 0, output
    measured, output = run(service.measure, work, tools, service.variables)
    store.mkdir()
    kept = checkout(origin, store)
    target = kept / "made" if service is SERVICES["github"] else kept
    if (work / "record").is_dir():
        shutil.copytree(work / "record", target / "record")
    # Where GitLab's address with the token leads.
    address = f"url.{origin}.insteadOf"
    token = "https://security:store@localhost/x.git"  # noqa: S105 # of the test
    git(kept, "config", address, token)
    stored, more = run(service.store, kept, tools, service.variables | {"RECORD_TOKEN": "store"})
    return measured, stored, output + more


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory, tools: Path) -> Iterator[Path]:
    """A repository whose record branch has a baseline and a history."""
    folder = tmp_path_factory.mktemp("origin")
    measured, stored, output = record(
        SERVICES["github"], project(folder, POLICY), tools, folder / "store"
    )
    assert (measured, stored) == (0, 0), output
    yield folder / "bare.git"
    shutil.rmtree(folder)


def stored(origin: Path, name: str) -> str:
    """A file of the record branch."""
    command = ["git", "show", f"security-record:{name}"]
    return subprocess.run(command, cwd=origin, check=True, capture_output=True, text=True).stdout


def gate(
    service: Service, origin: Path, folder: Path, tools: Path, model: str
) -> tuple[int, str, Path]:
    """The jobs of a pull request that has another model answer: exit code, output, the checkout."""
    work = checkout(origin, folder)
    (work / "reader.py").write_text(TOY + SPY + model)
    (work / "security").mkdir()
    (work / "security" / "baseline.json").write_text("an edited baseline")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "A new release")
    variables = service.variables | service.request
    code, output = run(service.baseline, work, tools, variables)
    assert code == 0, output
    code, output = run(service.measure, work, tools, variables)
    told, more = run(service.comment, work, tools, variables | {"COMMENT_TOKEN": "comment"})
    assert told == 0, more
    return code, output, work


@pytest.mark.timeout(600)
def test_worse_model_is_blocked(origin: Path, tools: Path, tmp_path: Path) -> None:
    """The threshold is met, the drop is too large: the job fails, and the comment says why."""
    service = SERVICES["gitlab"]  # its jobs have a token in their environment
    code, output, work = gate(service, origin, tmp_path, tools, WORSE)
    assert code == 1, output
    comment = (work / "reports" / "compare.md").read_text()
    assert "Do not replace the old one" in comment
    assert "max\\_drop 0.05: FAIL" in comment
    assert "reports/compare.md" in (work / "told").read_text()
    # The code of the request ran, and found no token in its environment or in its checkout.
    spied = (work / "spied").read_text()
    assert "PATH" in spied
    for secret in (SECRET, "COMMENT_TOKEN", "RECORD_TOKEN", "GH_TOKEN"):
        assert secret not in spied


@pytest.mark.timeout(600)
def test_better_model_passes(origin: Path, tools: Path, tmp_path: Path) -> None:
    """A model that classifies more samples correctly passes, and the comment says so."""
    service = SERVICES["github"]
    code, output, work = gate(service, origin, tmp_path, tools, BETTER)
    assert code == 0, output
    comment = (work / "reports" / "compare.md").read_text()
    assert "May replace the old one" in comment
    assert "2 better" in comment
    assert "reports/compare.md" in (work / "told").read_text()


@pytest.mark.timeout(600)
def test_request_that_ends_the_process_is_blocked(
    origin: Path, tools: Path, tmp_path: Path
) -> None:
    """Code that exits with 0 before there is a report does not make the job pass."""
    service = SERVICES["github"]
    end = "\nos._exit(0)\n"
    code, output, work = gate(service, origin, tmp_path, tools, end)
    assert code == 3, output
    assert not (work / "reports" / "assessment.json").exists()


@pytest.mark.timeout(600)
def test_request_without_a_baseline_uses_thresholds_only(tools: Path, tmp_path: Path) -> None:
    """Without a record branch, only the thresholds apply to a request."""
    work = project(tmp_path, POLICY)
    service = SERVICES["gitlab"]
    (work / "new").mkdir()
    code, output, made = gate(service, tmp_path / "bare.git", work / "new", tools, "")
    assert code == 0, output
    assert not (made / "reports" / "compare.md").exists()


@pytest.mark.timeout(600)
def test_failing_merge_is_recorded(tools: Path, tmp_path: Path) -> None:
    """A merged model that fails is the next baseline; the job fails, and main is never pushed to."""
    work = project(tmp_path, POLICY.replace("at_least = 0.5", "at_least = 1.0"))
    origin = tmp_path / "bare.git"
    head = ["git", "rev-parse", "main"]
    before = subprocess.run(head, cwd=origin, check=True, capture_output=True, text=True).stdout
    measured, kept, output = record(SERVICES["gitlab"], work, tools, tmp_path / "store")
    assert (measured, kept) == (1, 0), output
    assert json.loads(stored(origin, "baseline.json"))["exit_code"] == 1
    assert stored(origin, "history.jsonl").count("\n") == 1
    after = subprocess.run(head, cwd=origin, check=True, capture_output=True, text=True).stdout
    assert after == before


@pytest.mark.timeout(600)
@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_rewritten_history_is_not_stored(
    service: Service, origin: Path, tools: Path, tmp_path: Path
) -> None:
    """A history with changed earlier lines from the measuring job is not stored."""
    kept = checkout(origin, tmp_path)
    target = (kept / "made" if service is SERVICES["github"] else kept) / "record"
    target.mkdir(parents=True)
    (target / "baseline.json").write_text("{}")
    (target / "history.jsonl").write_text("{}\n" * 1_000)
    before = stored(origin, "history.jsonl")
    code, output = run(service.store, kept, tools, service.variables | {"RECORD_TOKEN": "store"})
    assert code == 1, output
    assert stored(origin, "history.jsonl") == before


def test_workflows_run_the_same_commands() -> None:
    """Every job runs the same securemnist commands on GitHub and on GitLab."""

    def ours(steps: list[Step]) -> list[str]:
        lines = [line.strip() for step in steps for line in step.script.splitlines()]
        words = (
            "securemnist",
            "git show",
            "cp",
            "set -- --against",
            'test "$code"',
            "exit",
            "head",
        )
        return [line for line in lines if line.startswith(words)]

    one, two = SERVICES["github"], SERVICES["gitlab"]
    for job, count in (("baseline", 3), ("measure", 6), ("store", 3)):
        assert ours(getattr(one, job)) == ours(getattr(two, job))
        assert len(ours(getattr(one, job))) == count


def test_scripts_contain_no_service_expressions() -> None:
    """No script contains an expression of the service: titles and branch names come as variables."""
    for service in SERVICES.values():
        for job in JOBS:
            for step in getattr(service, job):
                assert "${{" not in step.script


def test_measuring_job_has_no_write_token_or_secret() -> None:
    """The measuring job can only read, without credentials; writing jobs run no code of the request."""
    jobs = GITHUB["jobs"]
    assert GITHUB["permissions"] == {"contents": "read"}
    assert jobs["measure"]["permissions"] == {"contents": "read"}
    text = yaml.safe_dump(jobs["measure"])
    assert "token" not in text.lower()
    assert "secrets" not in text
    clone = next(s for s in jobs["measure"]["steps"] if "checkout@" in s.get("uses", ""))
    assert clone["with"] == {"persist-credentials": False}
    for job in ("comment", "store"):
        for step in github(job):
            assert "securemnist" not in step.script
            assert "pip" not in step.script
    assert "environment" not in GITLAB["security-measure"]
    assert "TOKEN" not in yaml.safe_dump(GITLAB["security-measure"]).replace("CI_JOB_TOKEN", "")
    for job in ("comment", "store"):
        assert "securemnist" not in GITLAB[f"security-{job}"]["script"][0]
        assert "environment" in GITLAB[f"security-{job}"]


def test_actions_and_packages_are_pinned() -> None:
    """Actions are named by a full commit, packages by hashes, never by name alone."""
    for job in GITHUB["jobs"].values():
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"])
    for service in SERVICES.values():
        lines = [line.strip() for step in service.measure for line in step.script.splitlines()]
        pips = [line for line in lines if "pip install" in line]
        assert pips == ["pip install --require-hashes -r security_tests/requirements.txt"]
    for path in (*CI.iterdir(), CI.parent / "team.md", CI.parents[1] / "README.md"):
        assert not re.search(r"pip install securemnist", path.read_text()), path
