"""Domains a second of branch and bound, by one process with all threads and by one for each thread.

`python -m benchmarks.proof_processes [NAME]` writes a section of docs/complete-proofs.md. Sides
alternate. Their time ends before all samples are decided, so that every process has work.
"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import dataclass
from unittest.mock import patch

import torch

from benchmarks.page import store
from benchmarks.proof_networks import NETWORKS, trained
from benchmarks.proofs import PAGE
from securemnist import data
from securemnist.certificates.proofs.proof import prove
from securemnist.runtime import forks
from securemnist.runtime.malloc import keep_freed_memory

NAME, IMAGES, SECONDS, ROUNDS = "strided-adversarial-1", 20, 90.0, 2


@dataclass(frozen=True)
class Side:
    """So many threads of torch, and at most so many processes."""

    threads: int
    processes: int

    def measure(self, name: str) -> tuple[float, int]:
        """Domains a second, and the samples that are proved, of the first test images."""
        torch.set_num_threads(self.threads)
        split, model = data.load().test, trained(name)
        x, y = split.images()[:IMAGES], split.labels[:IMAGES]
        right = model(x).argmax(1) == y
        began = time.perf_counter()
        with patch.object(forks, "MOST", self.processes):
            found = prove(model, x[right], y[right], eps=NETWORKS[name].eps, seconds=SECONDS)
        return found.domains / (time.perf_counter() - began), int(found.proved.sum())


def main(name: str = NAME) -> None:
    """Measure all sides, and write the table."""
    keep_freed_memory()
    threads = torch.get_num_threads()
    sides = [Side(1, 1), Side(threads, 1), Side(threads, threads)]
    results: dict[Side, list[tuple[float, int]]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side in sides:
            results[side].append(side.measure(name))
            print(side, results[side][-1], flush=True)
    lines = ["| processes | threads of each | domains a second | times one thread | proved |"]
    lines.append("|---|---|---|---|---|")
    for side in sides:
        ratios = [
            ours[0] / one[0] for ours, one in zip(results[side], results[sides[0]], strict=True)
        ]
        speed = statistics.median(speed for speed, _ in results[side])
        proved = statistics.median(proved for _, proved in results[side])
        lines.append(
            f"| {side.processes} | {side.threads // side.processes} | {speed:.0f} "
            f"| {statistics.median(ratios):.2f}x ({min(ratios):.2f}-{max(ratios):.2f}) | {proved:.0f} |"
        )
    made = (
        f"`{name}`, {IMAGES} digits, {SECONDS:.0f} s each, median of {ROUNDS} rounds (range). "
        "Made by `python -m benchmarks.proof_processes`."
    )
    store(PAGE, "processes", [*lines, "", made])


if __name__ == "__main__":
    main(*sys.argv[1:])
