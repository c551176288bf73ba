"""Latency of model versions by pytest-benchmark: `python -m benchmarks versions OLD NEW ...`.

Every version's latency rows are run and saved, then the saved runs are compared. Earlier runs stay
in reports/benchmarks, so that a version can be compared with what was saved of it last month.
"""

from __future__ import annotations

import re
import subprocess  # nosec B404 # fixed lists, no shell
import sys
from pathlib import Path

from securemnist._util.resources import ROOT, SUITES
from securemnist.errors import UsageError

STORAGE = ROOT / "reports" / "benchmarks"


def compare(specs: list[str], storage: Path = STORAGE) -> None:
    """Save a run of each model SPEC and print them beside each other."""
    if not specs:
        raise UsageError("expected the SPECs of model versions, got none; name at least one")
    for spec in specs:
        _save(spec, storage)
    command = [_tool("pytest-benchmark"), "--storage", storage.as_uri(), "compare"]
    command += [f"*_{_label(spec)}" for spec in specs]
    command += ["--columns=median,iqr,rounds", "--group-by=name"]
    subprocess.run(command, check=True)  # nosec B603 # a list, never a shell


def _save(spec: str, storage: Path) -> None:
    command = [sys.executable, "-m", "pytest", str(SUITES / "test_latency.py"), "-q"]
    command += [f"--security-model={spec}", "--security-tier=full", "--benchmark-only"]
    command += [f"--benchmark-storage={storage.as_uri()}", f"--benchmark-save={_label(spec)}"]
    # A version may be too slow for its row and is measured all the same.
    code = subprocess.run(command, check=False).returncode  # nosec B603 # a list, never a shell
    if code not in (0, 1):
        raise UsageError(f"expected the latency rows of {spec!r} to run, pytest ended with {code}")


def _label(spec: str) -> str:
    """A SPEC as part of a file name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", spec).strip("-")


def _tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))
