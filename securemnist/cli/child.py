"""Child: processes of our own with a known configuration, and the wait for one that measures."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess  # nosec B404 # a fixed list, no shell
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from securemnist.cli import start
from securemnist.cli.job import Job, Outcome
from securemnist.errors import SecureMnistError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def command(*words: str) -> list[str]:
    """The command of a child; no module of the working folder or of PYTHONPATH replaces one of ours."""
    flags = ["-E", "-P"]
    flags += ["-s"] if sys.flags.no_user_site else []
    flags += ["-B"] if sys.flags.dont_write_bytecode else []
    return [sys.executable, *flags, str(Path(start.__file__).resolve()), *words]


def environment() -> dict[str, str]:
    """The environment of a child: what sets up Python or pytest for other runs is left out."""
    return {
        name: value
        for name, value in os.environ.items()
        if name == "PYTHONPATH" or not name.startswith(("PYTHON", "PYTEST_"))
    }


def measure(job: Job, folder: Path) -> Outcome:
    """Measure a job in a child; `folder` is private, and holds its report afterwards.

    KeyboardInterrupt where it was stopped before it could report. SecureMnistError (exit code 3) where
    the child ended without a whole report, whatever its own exit code is.
    """
    job.write(folder / "job.json")
    sys.stdout.flush()
    sys.stderr.flush()
    # The child ends when the other side of this pipe is closed, be it by SIGKILL to this process.
    read, write = os.pipe()
    try:
        process = subprocess.Popen(  # nosec B603 # a list, no shell
            command(start.JOB, str(folder), str(read)),
            env=environment(),
            stdin=subprocess.DEVNULL,
            pass_fds=[read],
        )
        with process, _handing_on(process) as stopped:
            process.wait()
    finally:
        os.close(read)
        os.close(write)
    outcome = Outcome.read(folder / "outcome.json")
    if outcome is not None:
        return outcome
    if stopped:
        raise KeyboardInterrupt
    raise SecureMnistError(
        f"expected the measuring process to leave a whole report, it ended before ({_end_of(process)}); "
        "nothing was decided, run it again"
    )


@contextlib.contextmanager
def _handing_on(process: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM reach the child, which then writes its report; a second one kills it."""
    stopped: list[int] = []

    def hand_on(number: int, _: FrameType | None) -> None:
        stopped.append(number)
        if len(stopped) > 1:
            process.kill()
        else:
            process.send_signal(signal.SIGINT)

    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = {number: signal.signal(number, hand_on) for number in _SIGNALS}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_of(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    if code >= 0:
        return f"exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
    return f"{name}, perhaps for want of memory" if -code == signal.SIGKILL else name
