"""The jobs of docs/ci as the CI services run them: their steps, variables and exit codes."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from securemnist._util import resources

CI = resources.ROOT / "docs" / "ci"
GITHUB = yaml.safe_load((CI / "github.yml").read_text())
GITLAB = yaml.safe_load((CI / "gitlab.yml").read_text())
JENKINS = (CI / "Jenkinsfile").read_text()
ACTION = yaml.safe_load((resources.ROOT / "action.yml").read_text())
SECRET = "a-token-of-the-job"  # noqa: S105 # not one


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


def jenkins() -> list[Step]:
    """The script of the stage of the Jenkinsfile, as its `sh` step runs it."""
    (script,) = re.findall(r"sh \'\'\'\n(.*?)\'\'\'", JENKINS, re.DOTALL)
    return [Step(script)]


def action() -> dict[str, dict[str, Any]]:
    """The steps of the action by name; those without a name are actions themselves."""
    return {step.get("name", step.get("uses")): step for step in ACTION["runs"]["steps"]}


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


def run(steps: list[Step], folder: Path, tools: Path, variables: dict[str, str]) -> tuple[int, str]:
    """The steps of a job, as a service runs them: the first failure's exit code, and all output."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "CI", "PYTEST_"))}
    env = (
        kept | variables | {"PATH": f"{tools}:{os.environ['PATH']}", "NOTES": str(folder / "notes")}
    )
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
