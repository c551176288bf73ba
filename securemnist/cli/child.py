"""Child processes with a known configuration: command line, environment, signals, exit."""

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
from securemnist.errors import UNDECIDED, SecureMnistError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def command(*words: str) -> list[str]:
    """Command line of a child; the working folder and PYTHONPATH cannot replace our modules."""
    flags = ["-E", "-P"]
    flags += ["-s"] if sys.flags.no_user_site else []
    flags += ["-B"] if sys.flags.dont_write_bytecode else []
    return [sys.executable, *flags, str(Path(start.__file__).resolve()), *words]


def environment() -> dict[str, str]:
    """Environment of a child, without the variables that configure Python or pytest."""
    return {
        name: value
        for name, value in os.environ.items()
        if name == "PYTHONPATH" or not name.startswith(("PYTHON", "PYTEST_"))
    }


def measure(job: Job, folder: Path) -> Outcome:
    """Measure a job in a child process, which writes its report to the private `folder`.

    KeyboardInterrupt if the run was stopped before a report existed. SecureMnistError (exit code 3) if
    the child ended without a complete report, whatever its own exit code was.
    """
    job.write(folder / "job.json")
    sys.stdout.flush()
    sys.stderr.flush()
    with lifeline() as alive:
        process = subprocess.Popen(  # nosec B603 # a list, no shell
            command(start.JOB, str(folder), str(alive)),
            env=environment(),
            stdin=subprocess.DEVNULL,
            pass_fds=[alive],
        )
        with process, _forward_signals(process) as stopped:
            process.wait()
    with contextlib.suppress(OSError, ValueError, TypeError):  # the child ended before it wrote one
        return Outcome.read(folder / "outcome.json")
    if stopped:
        raise KeyboardInterrupt
    raise SecureMnistError(
        f"expected a complete report from the measuring process, got none ({_end_of(process)}); "
        "nothing was decided, run it again"
    )


@contextlib.contextmanager
def lifeline() -> Iterator[int]:
    """A descriptor for a child, for `end_with_parent`: it is closed when this process ends."""
    read, write = os.pipe()
    try:
        yield read
    finally:
        os.close(read)
        os.close(write)


def end_with_parent(alive: int) -> None:
    """End this process when its parent does, also by SIGKILL; `alive` is the parent's `lifeline`."""

    def wait() -> None:
        os.read(alive, 1)
        os._exit(UNDECIDED)

    threading.Thread(target=wait, daemon=True).start()


@contextlib.contextmanager
def _forward_signals(process: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Forward Ctrl-C and SIGTERM to the child, which then writes its report; a second signal kills it."""
    stopped: list[int] = []

    def forward(number: int, _: FrameType | None) -> None:
        stopped.append(number)
        if len(stopped) > 1:
            process.kill()
        else:
            process.send_signal(signal.SIGINT)

    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = {number: signal.signal(number, forward) for number in _SIGNALS}
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
    return f"{name}, perhaps out of memory" if -code == signal.SIGKILL else name
