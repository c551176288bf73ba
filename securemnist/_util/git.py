"""Output of Git, which runs no program that the configuration of a repository names."""

from __future__ import annotations

import os
import subprocess  # nosec B404 # a fixed list, no shell
from pathlib import Path

_SETTINGS = ("core.fsmonitor=false", "safe.directory=*", "core.hooksPath=/dev/null")
_SECONDS = 60


def git(folder: Path, *arguments: str) -> bytes | None:
    """Standard output of a command in `folder`; None without Git or a repository, and on failure."""
    # Inside a hook, Git's variables name another repository or index.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    try:
        process = subprocess.run(  # nosec B603 B607 # a fixed list
            ["git", *settings, *arguments],
            cwd=folder,
            env={**inherited, "GIT_OPTIONAL_LOCKS": "0"},  # reading takes no lock
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout
