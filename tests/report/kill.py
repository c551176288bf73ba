"""Publish reports and be killed on the way: `kill.py WAY FOLDER...`, N-th folder at step N.

The first folder is number 0: its process is not killed, and prints how many steps there are.

Renames by os.rename and os.replace raise an audit event; the swap of two folders does not, so it counts
through `swap._exchange`: odd numbers before it, even ones after it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from securemnist.report import folder, swap

WHOLE = ("index.html", "assessment.json", "summary.md", "junit.xml")


def files(name: str) -> dict[str, bytes]:
    """A report of which every file says the same; "old" has one that "new" has not."""
    files = {file: f"{name}".encode() for file in WHOLE}
    return files | (
        {"adversarial/A-1.npz": b"old"} if name == "old" else {"benchmark.json": b"new"}
    )


def publish(turn: int, out: Path, way: str) -> None:
    """Publish the new report over the old one."""
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if count == turn:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, _: Any) -> None:
        if event in ("os.rename", "os.remove", "os.rmdir"):
            step()

    exchange: Callable[[Path, Path], bool] = swap._exchange

    def counted(one: Path, other: Path) -> bool:
        step()
        done = way == "swap" and exchange(one, other)
        step()
        return done

    swap._exchange = counted
    sys.addaudithook(hook)
    folder.publish(out, files("new"))
    print(count, flush=True)


def main() -> None:
    """Each folder in a process of its own, forked after the imports; print how each ended."""
    way, folders = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    for turn, out in enumerate(folders):
        if (process := os.fork()) == 0:
            publish(turn, out, way)
            os._exit(0)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
