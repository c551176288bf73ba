"""Entry point of child processes: `python -E -P start.py assess ...` or `... measure-job`.

The working folder and the environment cannot replace modules: `-P` keeps the folder out of `sys.path`,
`-E` ignores Python's variables, and the folders of PYTHONPATH come last.
"""

import gc
import os
import signal
import sys
from pathlib import Path

JOB = "measure-job"  # arguments: the private folder, and the descriptor that closes when the parent ends


def _extend_path() -> None:
    package = str(Path(__file__).resolve().parents[2])
    names = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    for folder in (package, *(os.path.abspath(name) for name in names if name)):
        if folder not in sys.path:
            sys.path.append(folder)


def _stop(*_: object) -> None:
    """The first signal ends the run like Ctrl-C; later ones must not interrupt its report."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _main() -> None:
    _extend_path()
    if sys.argv[1] != JOB:
        from securemnist.cli import main

        main(prog_name="securemnist")
    gc.disable()  # until the rows are collected: imports leave next to no garbage
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    # Tools that a run starts must not import from these folders either.
    os.environ.pop("PYTHONPATH", None)
    from securemnist.cli.worker import work

    work(Path(sys.argv[2]), int(sys.argv[3]))


if __name__ == "__main__":
    _main()
