"""Proofs of branch and bound within a time, by one process and by one for each thread of torch.

`python -m benchmarks.proof_processes` writes a section of docs/complete-proofs.md. Sides alternate.
Their time ends before all samples are decided, so that every process has work.
"""

from __future__ import annotations

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

NAME, IMAGES, SECONDS, ROUNDS = "strided-adversarial-1", 40, 90.0, 2


@dataclass(frozen=True)
class Side:
    """So many threads of torch, and at most so many processes."""

    threads: int
    processes: int

    def proved(self) -> int:
        """The samples that are proved, of the first test images."""
        torch.set_num_threads(self.threads)
        split, model = data.load().test, trained(NAME)
        x, y = split.images()[:IMAGES], split.labels[:IMAGES]
        right = model(x).argmax(1) == y
        with patch.object(forks, "MOST", self.processes):
            found = prove(model, x[right], y[right], eps=NETWORKS[NAME].eps, seconds=SECONDS)
        return int(found.proved.sum())


def main() -> None:
    """Measure all sides, and write the table."""
    keep_freed_memory()
    threads = torch.get_num_threads()
    sides = [Side(1, 1), Side(threads, 1), Side(threads, threads)]
    results: dict[Side, list[str]] = {side: [] for side in sides}
    for _ in range(ROUNDS):
        for side in sides:
            results[side].append(str(side.proved()))
            print(side, results[side][-1], flush=True)
    lines = ["| processes | threads of each | proved, by round |", "|---|---|---|"]
    lines += [
        f"| {side.processes} | {side.threads // side.processes} | {', '.join(results[side])} |"
        for side in sides
    ]
    made = (
        f"The first {IMAGES} digits of `{NAME}` without attacks before, {SECONDS:.0f} s. Bounds of every "
        "digit come first,\nso that the number of proofs grows faster than the time. Made by "
        "`python -m benchmarks.proof_processes`."
    )
    store(PAGE, "processes", [*lines, "", made])


if __name__ == "__main__":
    main()
