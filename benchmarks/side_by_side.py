"""Speed beside another checkout on MNIST: `python -m benchmarks.side_by_side OTHER_CHECKOUT [ROUNDS]`.

Each round runs every case once with each checkout, in a process of its own, with a limit of two
threads. Only the call is timed. Writes the section "side by side" of docs/performance.md.
"""

from __future__ import annotations

import os
import subprocess  # nosec B404 # a fixed list, no shell
import sys
from pathlib import Path

import torch

from benchmarks.page import store
from benchmarks.timing import Timing, ratio

HERE = Path(__file__).resolve().parent.parent
PAGE = HERE / "docs" / "performance.md"
# Each case is an expression of the library that both checkouts know.
CASES = {
    "FGSM, baseline, 10,000 images": (
        "baseline",
        10_000,
        "sm.FGSM()(net, x, y, threat=sm.Linf(0.3), seed=0)",
    ),
    "PGD-40, hardened, 512 images": (
        "hardened",
        512,
        "sm.PGD(steps=40)(net, x, y, threat=sm.Linf(0.3), seed=0)",
    ),
    "smoke ladder, hardened, 40 images": (
        "hardened",
        40,
        'sm.measure("robust_accuracy", net, (x, y), threat=sm.Linf(0.3), attack="ladder:budget=smoke")',
    ),
    "certificates, certified, 1,000 images": (
        "certified",
        1_000,
        "sm.certify(net, x, y, eps=0.1)",
    ),
}
_PROGRAM = """
import time, torch, securemnist as sm
torch.set_num_threads(2)
net, data = {model!r}, sm.DataSet.load()
x, y = data.test[:{count}].images(), data.test[:{count}].labels
began = time.perf_counter()
{call}
print(time.perf_counter() - began)
"""


def report(other: Path, rounds: int) -> list[str]:
    """The table of all cases."""
    lines = [
        "### Side by side with the version before",
        "",
        "| case | before, s | now, s | before / now |",
    ]
    lines.append("|---|---|---|---|")
    for name, (model, count, call) in CASES.items():
        program = _PROGRAM.format(model=model, count=count, call=call)
        found: dict[Path, list[float]] = {other: [], HERE: []}
        for number in range(rounds):
            for side in (other, HERE) if number % 2 else (HERE, other):
                found[side].append(_seconds(side, program))
        before, now = (Timing(tuple(found[side])) for side in (other, HERE))
        lines.append(f"| {name} | {before} | {now} | {ratio(before, now)} |")
        print(lines[-1], flush=True)
    return [*lines, ""]


def _seconds(side: Path, program: str) -> float:
    environment = {**os.environ, "PYTHONPATH": str(side)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(  # nosec B603 # a fixed list
        command, cwd=side, env=environment, check=True, capture_output=True, text=True
    )
    return float(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit("expected the folder of another checkout, got none; name one")
    count = int(sys.argv[2]) if sys.argv[2:] else 5
    origin = f"Made by `python -m benchmarks.side_by_side` on torch {torch.__version__}, 2 threads;"
    store(
        PAGE,
        "side by side",
        [*report(Path(sys.argv[1]).resolve(), count), f"{origin} {count} rounds, medians.", ""],
    )
