"""Processes of `securemnist` that find the libraries imported, as forks of one server process.

Half of the time of a short assessment is the import of its libraries. The server imports them once,
for all workers of pytest-xdist. Folder, environment, arguments, standard streams, descriptors, signals
and exit status are those of a process of its own. Tests of the start itself (imports, environment)
start cold.
"""

from __future__ import annotations

import functools
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

from securemnist.cli import child

_HERE = Path(__file__).parent
_COLD = child.command
# No process of a test inherits a variable with XDIST in its name.
_VARIABLE = "SECUREMNIST_XDIST_WARM"
_SHARED = os.environ.get(_VARIABLE)


def share() -> None:
    """Start the server of the workers that this process is about to start."""
    os.environ[_VARIABLE] = _address()


def python(*words: str) -> list[str]:
    """The command line of `python WORDS`: flags, then a module or a script, and its arguments."""
    client = str(_HERE / "client.py")
    return [sys.executable, "-I", "-S", client, _address(), *words]


def children() -> mock._patch[object]:
    """A context in which commands of this process start their children warm."""
    return mock.patch.object(child, "command", lambda *words: python(*_COLD(*words)[1:]))


@functools.cache
def executable() -> str:
    """The path of a program that is to `python` what a warm process is to a cold one."""
    path = Path(_address()).with_name(f"python{os.getpid()}")
    path.write_text(f'#!/bin/sh\nexec {shlex.join(python())} "$@"\n')
    path.chmod(0o700)
    return str(path)


@functools.cache
def _address() -> str:
    """The socket of the server, which ends with its parent: then its standard input is closed."""
    if _SHARED is not None:
        return _SHARED
    folder = tempfile.TemporaryDirectory(prefix="warm.")
    address = f"{folder.name}/socket"
    # Of the test that starts the server; a client sends the environment of its own.
    foreign = ("PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTEST_ADDOPTS")
    env = {
        name: value
        for name, value in os.environ.items()
        if "XDIST" not in name and name not in foreign
    }
    env["OMP_NUM_THREADS"] = "1"  # a fork of a process with a pool of threads would wait for them
    server = subprocess.Popen(
        [sys.executable, str(_HERE / "server.py"), address],
        env=env,
        cwd=folder.name,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    _KEPT.extend((folder, server))
    return address


_KEPT: list[object] = []
