"""Write docs/performance.md: `python -m benchmarks` (or only some parts: `... attacks training`).

`python -m benchmarks versions SPEC SPEC` compares the latency of model versions instead.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import torch

from benchmarks import attacks, figures, ladder, scaling, training, versions
from securemnist.environment import describe
from securemnist.history import entry, record
from securemnist.resources import write_atomically

PARTS = {
    "attacks": attacks.report,
    "scaling": scaling.report,
    "ladder": ladder.report,
    "training": training.report,
}
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
HISTORY = Path(__file__).parent.parent / "security_history.jsonl"


def main(names: list[str]) -> None:
    """Run the parts one after another; page and history are written when all are done."""
    torch.set_num_threads(2)
    lines = [
        "# Performance",
        "",
        "Made by `nox -s bench`. Every comparison is interleaved in one run on two cores: each side once",
        "a round, medians, range over rounds in brackets; ratios are taken within a round.",
        "An attack is timed together with reading its images again, each side by its own copy of the",
        "network; the peers run at the batch size at which they were fastest.",
        "",
        f"Machine: {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}, torch "
        f"{torch.__version__}, {torch.get_num_threads()} threads.",
        "",
    ]
    for name in names or PARTS:
        lines += PARTS[name]()
    text = "\n".join(lines)
    print(text)
    if not names or len(names) == len(PARTS):
        write_atomically(PAGE, text.encode())
        commit = str(describe(PAGE.parent, processor="")["commit"])
        record.append(HISTORY, entry.of_bench(figures.seconds(lines), commit))


if sys.argv[1:2] == ["versions"]:
    versions.compare(sys.argv[2:])
else:
    main(sys.argv[1:])
