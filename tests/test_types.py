"""Static types of the package."""

from __future__ import annotations

import os
import subprocess
import sys

from securemnist._util import resources


def test_the_package_has_strict_types() -> None:
    """Mypy in strict mode finds no error in the package."""
    command = [sys.executable, "-m", "mypy", "--cache-dir", os.devnull]
    done = subprocess.run(command, cwd=resources.ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
