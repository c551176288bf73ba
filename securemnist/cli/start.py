"""Start of a child process, run by its path: `python -E -P start.py assess ...` or `... measure-job`.

Neither the working folder nor the environment decides which modules it imports: `-P` leaves the folder
out of `sys.path`, `-E` ignores Python's variables, and the folders of PYTHONPATH come last.
"""

import os
import signal
import sys
from pathlib import Path

JOB = "measure-job"  # then: the private folder, and the descriptor that is closed when the parent ends


def _extend_path() -> None:
    package = str(Path(__file__).resolve().parents[2])
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    for folder in (package, *(os.path.abspath(name) for name in named if name)):
        if folder not in sys.path:
            sys.path.append(folder)


def _stop(*_: object) -> None:
    """The first signal ends the run as Ctrl-C does; others must not cut its report off."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _main() -> None:
    _extend_path()
    if sys.argv[1] != JOB:
        from securemnist.cli import main

        main(prog_name="securemnist")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    # The tools that a run starts must not be given the folders either.
    os.environ.pop("PYTHONPATH", None)
    from securemnist.cli.worker import work

    work(Path(sys.argv[2]), int(sys.argv[3]))


if __name__ == "__main__":
    _main()
