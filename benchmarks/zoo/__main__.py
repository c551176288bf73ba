"""Train the zoo: `python -m benchmarks.zoo FOLDER [--device cuda] [--processes 12]`; resumable."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from torch import multiprocessing

from benchmarks.zoo.members import ARCHITECTURES, Member, members, references, robust
from benchmarks.zoo.worker import work

SIZES: dict[str, Any] = {
    "reference": (0, 0),
    "tuning": (9, 24),
    "evaluation": (60, 60),
    # Quick to train on a processor: one architecture.
    "unseen": (9, 16, ("strided",)),
    "final": (60, 60),
    "robust": (0, 0),
}


def main() -> None:
    """Train each member that has no file yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--roles", nargs="*", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--architectures", nargs="*", choices=ARCHITECTURES, default=ARCHITECTURES)
    parser.add_argument("--match", default="", help="a part of the names")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    wanted = [m for role in options.roles for m in members(role, *SIZES[role])]
    wanted += references() if "reference" in options.roles else []
    wanted += robust() if "robust" in options.roles else []
    wanted = [
        m for m in wanted if m.architecture in options.architectures and options.match in m.name
    ]
    missing = [m for m in wanted if not (options.folder / f"{m.name}.json").exists()]
    missing.sort(key=_cost, reverse=True)
    queue = multiprocessing.get_context("spawn")
    tasks = queue.Queue()
    for member in [*missing, *[None] * options.processes]:
        tasks.put(member)
    arguments = (tasks, options.folder, options.device)
    workers = [queue.Process(target=work, args=arguments) for _ in range(options.processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.exit(any(worker.exitcode for worker in workers))


def _cost(member: Member) -> float:
    """The expected number of passes over the training set."""
    passes = {"pgd": 8, "fgsm": 2, "interval": 3}.get(member.training, 1)
    return float(passes * member.settings["epochs"] * (0.05 if "images" in member.settings else 1))


if __name__ == "__main__":
    main()
