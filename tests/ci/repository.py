"""A repository with a reader, its checkouts, and its record branch."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from securemnist.initial_policy import templates
from tests.ci.services import SERVICES, Service, run
from tests.comparison.test_commands import TOY

# The model's code notes what it can read.
SPY = """
import os, pathlib
pathlib.Path(__file__).with_name("spied").write_text(repr(dict(os.environ)))
"""


def git(folder: Path, *words: str) -> None:
    """A git command that must work."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


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


def stored(origin: Path, name: str) -> str:
    """A file of the record branch."""
    command = ["git", "show", f"security-record:{name}"]
    return subprocess.run(command, cwd=origin, check=True, capture_output=True, text=True).stdout
