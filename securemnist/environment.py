"""What a result was made with: interpreter, platform, packages, commit. No torch needed."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import securemnist

# The packages whose version can change a number.
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
    """The environment record of an assessment made in `folder`."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {"securemnist": securemnist.__version__, **_versions()},
        "processor": processor,
        "commit": _commit(folder),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _commit(folder: Path) -> str:
    """The commit of a checkout, with `+` where it has changes; empty outside of one."""
    try:
        # Fixed argument lists, no shell; GIT_OPTIONAL_LOCKS keeps a mere look from writing.
        run = {"cwd": folder, "capture_output": True, "text": True, "timeout": 10, "check": True}
        env = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
        head = subprocess.run(["git", "rev-parse", "HEAD"], env=env, **run).stdout.strip()
        changes = subprocess.run(["git", "status", "--porcelain"], env=env, **run).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return head + ("+" if changes.strip() else "")
