"""The CI workflows in docs/ci, as text: commands, tokens and pins."""

from __future__ import annotations

import re

import yaml

from tests.ci.services import CI, GITHUB, GITLAB, JOBS, SERVICES, Step, github


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
