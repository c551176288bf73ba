"""Commands of `securemnist`, in this process or in one of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from securemnist.cli import main


def run(*words: str) -> Result:
    """One command in this process."""
    return CliRunner().invoke(main, words, catch_exceptions=False)


def shell(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own, started in `folder`."""
    command = [sys.executable, "-m", "securemnist", *words]
    env = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
