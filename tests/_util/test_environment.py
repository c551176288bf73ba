"""The environment record of an assessment: the commit of the folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from securemnist._util.environment import describe


def git(folder: Path, *words: str) -> None:
    """One Git command in a folder, by an author of its own."""
    author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", *author, *words], cwd=folder, check=True, capture_output=True)


def test_commit_is_read_without_configured_programs(tmp_path: Path) -> None:
    """The commit is recorded, with + for changes, and no program of the configuration runs."""
    assert describe(tmp_path, processor="")["commit"] == ""
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/.git/ran\n")
    hook.chmod(0o755)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "hook")
    git(tmp_path, "commit", "-q", "-m", "first")
    git(tmp_path, "config", "core.fsmonitor", str(hook))
    commit = describe(tmp_path, processor="")["commit"]
    assert len(commit) == 40
    hook.write_text("changed")
    assert describe(tmp_path, processor="")["commit"] == commit + "+"
    assert not (tmp_path / ".git" / "ran").exists()


def test_folder_inside_a_repository_is_recorded(tmp_path: Path) -> None:
    """The path from the root of the repository is recorded; the root and other folders have none."""
    inside = tmp_path / "repository" / "models" / "ä b"
    inside.mkdir(parents=True)
    assert "folder" not in describe(inside, processor="")
    git(tmp_path / "repository", "init", "-q")
    assert describe(inside, processor="")["folder"] == "models/ä b"
    assert "folder" not in describe(tmp_path / "repository", processor="")
