"""Files that Git tracks, which belong to the project in any folder."""

from __future__ import annotations

import os
import subprocess  # nosec B404 # a fixed list, no shell
from pathlib import Path

# A repository's configuration can name programs; none of them may run here.
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
    """Sorted paths relative to `folder`; empty without Git or a repository."""
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
