"""Environment of a result: interpreter, platform, package versions, commit."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess  # nosec B404 # fixed lists, no shell
from importlib import metadata
from pathlib import Path
from typing import Any

import securemnist

# Packages whose version can change a number.
PACKAGES = (
    "adversarial-robustness-toolbox",
    "bandit",
    "numpy",
    "pytest",
    "pytest-benchmark",
    "scipy",
    "semgrep",
    "torch",
    "torchvision",
)


def describe(folder: Path, *, processor: str) -> dict[str, Any]:
    """The environment record of an assessment in `folder`."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {"securemnist": securemnist.__version__, **_versions()},
        "processor": processor,
        "commit": _commit(folder),
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _commit(folder: Path) -> str:
    """The commit of a checkout, with `+` where it has changes; empty outside of a checkout."""
    try:
        head, changes = _git(folder, "rev-parse", "HEAD"), _git(folder, "status", "--porcelain")
    except (OSError, subprocess.SubprocessError):
        return ""
    return head + ("+" if changes else "")


def _git(folder: Path, *arguments: str) -> str:
    """Output of git; GIT_OPTIONAL_LOCKS=0, so that reading takes no lock."""
    env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", *arguments]
    process = subprocess.run(  # nosec B603 # a fixed list
        command, cwd=folder, env=env, capture_output=True, timeout=10, check=True
    )
    return process.stdout.decode(errors="replace").strip()
