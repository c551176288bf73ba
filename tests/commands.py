"""Commands of `securemnist`, in this process or in a child process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from click.testing import CliRunner, Result

from securemnist.cli import collection_check, main
from tests import warm


def run(*words: str, cold: bool = False) -> Result:
    """One command in this process, outside of pytest-xdist; its children start warm unless `cold`.

    Suites and models that the command imported are removed from sys.modules, so that other folders'
    modules of the same names can be imported.
    """
    before, paths, here = set(sys.modules), sys.path.copy(), str(Path.cwd())
    alone = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    try:
        start = contextlib.nullcontext() if cold else warm.children()
        python = sys if cold else _Warm()
        collected = mock.patch.object(collection_check, "sys", python)
        with mock.patch.dict(os.environ, alone, clear=True), start, collected:
            return CliRunner().invoke(main, words, catch_exceptions=False)
    finally:
        sys.path[:] = paths
        for name in set(sys.modules) - before:
            place = getattr(sys.modules[name], "__file__", None) or ""
            if name.startswith("test_") or place.startswith(f"{here}{os.sep}"):
                del sys.modules[name]


class _Warm:
    """What stands for the module `sys` where `init` starts pytest; the server starts on first use."""

    @property
    def executable(self) -> str:
        return warm.executable()


def shell(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own, started warm in `folder`."""
    return module(folder, "securemnist", *words)


def module(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`python -m WORDS` in a process of its own, started warm in `folder`."""
    return _process(folder, warm.python("-m", *words))


def script(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`python WORDS`, a script and its arguments, in a process of its own, started warm in `folder`."""
    return _process(folder, warm.python(*words))


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One Python process, started in `folder`, outside of pytest-xdist."""
    return _process(folder, [sys.executable, *words])


def _process(folder: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
