"""Tracked: the files of a folder that Git keeps, which are the project's own wherever they lie."""

from __future__ import annotations

import os
import subprocess  # nosec B404 # a fixed list, no shell
from pathlib import Path

# The configuration of a repository can name programs; none of them may run here.
_SETTINGS = (
    "-c",
    "core.fsmonitor=false",
    "-c",
    "safe.directory=*",
    "-c",
    "core.hooksPath=/dev/null",
)
_SECONDS = 60


def tracked_files(folder: Path) -> tuple[str, ...]:
    """Paths from `folder`, sorted; none where Git or a repository is missing."""
    # Inside a hook, Git's variables name another repository or index.
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ["git", *_SETTINGS, "ls-files", "-z", "--cached", "--", "."]
    try:
        process = subprocess.run(  # nosec B603 # a fixed list
            command,
            cwd=folder,
            env={**inherited, "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(sorted(os.fsdecode(name) for name in process.stdout.split(b"\0") if name))
