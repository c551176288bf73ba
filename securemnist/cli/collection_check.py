"""Check that plain `pytest -m smoke` collects the security suite of a project, by running pytest."""

from __future__ import annotations

import os
import re
import subprocess  # nosec B404 # a fixed list, no shell
import sys
from pathlib import Path

from securemnist.initial_policy.templates import SUITE

_FOLDER = SUITE.partition("/")[0]
_TIMEOUT = 120  # seconds
_RAISED = re.compile(
    r"^E  +(\S.*)$", re.MULTILINE
)  # pytest's line of an error in a conftest or a suite
_MIXED = "torchvision::"  # an operator that its build for another torch does not bring


def collects(folder: Path, *paths: str) -> tuple[bool, str]:
    """Whether pytest started in `folder` collects the suite, and the output of pytest."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-m", "smoke"]
    command += ["-p", "no:cacheprovider"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    try:
        done = subprocess.run(  # nosec B603 # a list, no shell
            [*command, *paths],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False, f"it did not end within {_TIMEOUT} s"
    return done.returncode == 0 and Path(SUITE).name in done.stdout, done.stdout + done.stderr


def advice(folder: Path) -> str:
    """What to change so that `pytest -m smoke` collects the suite; "" where it does."""
    collected, output = collects(folder)
    if collected:
        return ""
    if cause := _RAISED.search(output):
        advice = (
            "; install the torchvision that belongs to your torch" if _MIXED in cause[1] else ""
        )
        return f"pytest -m smoke ends before it collects {SUITE}: {cause[1].strip():.300}{advice}"
    by_path, output_by_path = collects(folder, _FOLDER)
    where = re.search(r"^configfile: (\S+)", output, re.MULTILINE)
    file = where[1] if where else "your pytest settings"
    if by_path:
        return (
            f"pytest -m smoke does not collect {SUITE}: add {_FOLDER!r} to `testpaths` in {file}, or run "
            f"pytest {_FOLDER} -m smoke"
        )
    last = " ".join(" ".join(output_by_path.strip().splitlines()[-3:]).split())[:300]
    return (
        f"pytest -m smoke does not collect {SUITE}, nor does pytest {_FOLDER}: change {file} so that "
        f"{SUITE} and its test_ functions are collected (python_files, python_functions, "
        f"norecursedirs); pytest said: {last}"
    )
