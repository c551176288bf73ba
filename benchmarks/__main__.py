"""Write docs/performance.md and docs/doubts.md: `python -m benchmarks`, or some parts: `... attacks`.

`python -m benchmarks versions SPEC SPEC` compares the latency of model versions instead.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import torch

from benchmarks import (
    agreement,
    attacks,
    doubts,
    figures,
    inference,
    ladder,
    scaling,
    training,
    versions,
)
from benchmarks.page import store
from securemnist._util.environment import describe
from securemnist.history import entry, record

PARTS = {
    "attacks": attacks.report,
    "scaling": scaling.report,
    "ladder": ladder.report,
    "small-ladder": ladder.small_report,
    "agreement": agreement.report,
    "inference": inference.report,
    "training": training.report,
    "doubts": doubts.report,
}
PAGES = {"doubts": "doubts.md"}
DOCS = Path(__file__).parent.parent / "docs"
HISTORY = Path(__file__).parent.parent / "security_history.jsonl"


def main(names: list[str]) -> None:
    """Run the parts one after another; each puts its section on its page as soon as it is done.

    A run of all parts is added to the history.
    """
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise SystemExit(
            f"expected parts of {', '.join(PARTS)}, got {unknown[0]!r}; name one of them"
        )
    whole: list[str] = []
    for name in names or PARTS:
        torch.set_num_threads(1 if name in PAGES else 2)  # only speed is measured with both cores
        lines = [*PARTS[name](), f"Made by `python -m benchmarks {name}` on {_machine()}.", ""]
        print("\n".join(lines))
        store(DOCS / PAGES.get(name, "performance.md"), name, lines)
        whole += lines
    if not names or set(names) == set(PARTS):
        commit = str(describe(DOCS, processor="")["commit"])
        record.append(HISTORY, entry.benchmark_entry(figures.seconds(whole), commit))


def _machine() -> str:
    """What the numbers were measured on."""
    capability = torch.backends.cpu.get_cpu_capability()
    threads = torch.get_num_threads()
    return f"{platform.machine()}, {capability}, torch {torch.__version__}, {threads} threads"


if sys.argv[1:2] == ["versions"]:
    versions.compare(sys.argv[2:])
else:
    main(sys.argv[1:])
