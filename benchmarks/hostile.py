"""Read thousands of hostile files through every door and write the table in SECURITY.md.

`python -m benchmarks.hostile [COUNT]` tries COUNT damaged files of each kind (500 by default) and files
that attack. Each kind is read in a process of its own, whose memory is limited.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess  # nosec B404 # fixed lists, no shell
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.page import store
from securemnist._util import resources
from securemnist.errors import SecureMnistError
from tests.fuzzing import INPUT_KINDS, InputKind, attacks

PAGE = resources.ROOT / "SECURITY.md"
COUNT = 500
# A file that takes longer counts as one that hangs.
SECONDS = 10
MEMORY = 2 << 30
COLUMNS = ("tried", "refused", "executed", "accepted wrongly", "crashed", "hung")


class Hung(BaseException):
    """The time for one file is over; no `except Exception` takes it."""


def _stop(*_: object) -> None:
    raise Hung


def try_one(door: InputKind, content: bytes, folder: Path, marker: Path) -> str:
    """What became of one file: refused, read, executed, crashed or hung."""
    path = folder / door.file
    path.write_bytes(content)
    signal.alarm(SECONDS)
    try:
        door.read(path)
        outcome = "read"
    except SecureMnistError:
        outcome = "refused"
    except Hung:
        outcome = "hung"
    except Exception as error:
        print(f"{door.file}: {type(error).__name__}: {error!s:.200}", file=sys.stderr)
        outcome = "crashed"
    finally:
        signal.alarm(0)
    if marker.exists():
        marker.unlink()
        return "executed"
    return outcome


def run_kind(kind: str, count: int) -> dict[str, Any]:
    """Counts by outcome and the memory peak in MB, for this process."""
    signal.signal(signal.SIGALRM, _stop)
    door, outcomes = INPUT_KINDS[kind], Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        folder, marker = Path(name), Path(name) / "executed"
        try_one(door, door.good, folder, marker)  # imports what a first read imports
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for seed in range(count):
            rng = random.Random(seed)  # noqa: S311  # nosec B311 # no secret
            content = door.damage(door.good, rng)
            outcomes[try_one(door, content, folder, marker)] += 1
        for content in attacks(marker):
            outcome = try_one(door, content, folder, marker)
            # A history takes any file and counts the lines that are none of its own.
            wrong = outcome == "read" and kind != "history"
            outcomes["accepted wrongly" if wrong else outcome] += 1
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {**outcomes, "tried": outcomes.total(), "memory": round(peak / 1024)}


def main(count: int) -> None:
    """Run every kind in a process of its own and write the table."""
    lines = [
        f"| kind | {' | '.join(COLUMNS)} | memory peak |",
        f"|---|{'--:|' * (len(COLUMNS) + 1)}",
    ]
    bad = 0
    for kind in INPUT_KINDS:
        command = [sys.executable, "-m", "benchmarks.hostile", "--kind", kind, str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # nosec B603
        sys.stderr.write(done.stderr)
        found = json.loads(done.stdout)
        numbers = [found.get(column, 0) for column in COLUMNS]
        bad += sum(numbers[2:])
        shown = " | ".join(f"{number:,}" for number in numbers)
        lines.append(f"| {kind} | {shown} | +{found['memory']} MB |")
        print(lines[-1], flush=True)
    lines += [
        "",
        f"Written by `python -m benchmarks.hostile {count}`. What is not refused is a valid "
        "file: it was read and used. The peak is the memory beyond that for a good file.",
    ]
    store(PAGE, "hostile inputs", lines)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["--kind"]:
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        print(json.dumps(run_kind(words[1], int(words[2]))))
    else:
        main(int(words[0]) if words else COUNT)
