"""The CI workflows in docs/ci, as text: commands, tokens and pins."""

from __future__ import annotations

import re

import yaml

from securemnist import exports
from tests.ci.services import CI, GITHUB, GITLAB, JOBS, SERVICES, Step, action, github, jenkins

PINNED = re.compile(r"(actions/[a-z-]+|github/codeql-action/upload-sarif)@[0-9a-f]{40}")


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
    for job, count in (("baseline", 3), ("measure", 7), ("store", 4)):
        assert ours(getattr(one, job)) == ours(getattr(two, job))
        assert len(ours(getattr(one, job))) == count


def test_scripts_contain_no_service_expressions() -> None:
    """No script contains an expression of the service: titles and branch names come as variables."""
    for service in SERVICES.values():
        for job in JOBS:
            for step in getattr(service, job):
                assert "${{" not in step.script
    for name, step in action().items():
        assert "${{" not in step.get("run", ""), name
    assert "${" not in jenkins()[0].script


def test_sarif_is_uploaded_by_a_job_that_runs_no_code_of_the_request() -> None:
    """The token of the upload can write alerts only, and there is none without results.sarif."""
    job = GITHUB["jobs"]["code-scanning"]
    assert job["permissions"] == {
        "actions": "read",
        "contents": "read",
        "security-events": "write",
    }
    *before, upload = job["steps"]
    assert upload["uses"].startswith("github/codeql-action/upload-sarif@")
    folder = upload["with"]["sarif_file"]
    assert {"run": f"test -s {folder}/results.sarif"}.items() <= before[-1].items()
    assert [step["run"] for step in job["steps"] if "run" in step] == [before[-1]["run"]]


def test_reports_of_gitlab_are_files_that_a_run_writes() -> None:
    """JUnit and Code Quality are read from files of the report."""
    reports = GITLAB["security-measure"]["artifacts"]["reports"]
    assert reports["codequality"].removeprefix("reports/") in exports.FILES
    assert reports["junit"] == "reports/junit.xml"


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
                assert PINNED.fullmatch(step["uses"])
    for service in SERVICES.values():
        lines = [line.strip() for step in service.measure for line in step.script.splitlines()]
        pips = [line for line in lines if "pip install" in line]
        assert pips == ["pip install --require-hashes -r security_tests/requirements.txt"]
    for name, step in action().items():
        assert "uses" not in step or PINNED.fullmatch(name)
    assert "pip install --require-hashes -r security_tests/requirements.txt" in jenkins()[0].script
    for path in (*CI.iterdir(), CI.parent / "team.md", CI.parents[1] / "README.md"):
        assert not re.search(r"pip install securemnist", path.read_text()), path
