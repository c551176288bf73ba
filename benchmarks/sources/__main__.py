"""`python -m benchmarks.sources`: train and measure what is missing, then write the page.

Resumable: every network's weights and figures are kept in reports/sources; a run that was interrupted
goes on with the epoch it was in.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed

from benchmarks.sources import page
from benchmarks.sources.runs import figures_file, reproduce
from benchmarks.sources.systems import SEEDS, SYSTEMS
from securemnist._util.resources import write_atomically

# One thread each: two trainings beside each other are quicker than one with two threads.
WORKERS = 2


def main() -> None:
    """The largest network first, so that the last worker has little left to do."""
    jobs = [(system, seed) for system in ("C", "A", "D") for seed in SEEDS]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        running = {pool.submit(reproduce, *job): job for job in jobs}
        for number, future in enumerate(as_completed(running), 1):
            future.result()
            system, seed = running[future]
            print(
                f"{number}/{len(jobs)}: system {system}, seed {seed}", file=sys.stderr, flush=True
            )
    measured = {
        system: [json.loads(figures_file(system, seed).read_text()) for seed in SEEDS]
        for system in SYSTEMS
    }
    write_atomically(page.DATA, (json.dumps(measured, indent=1) + "\n").encode())
    write_atomically(page.PAGE, page.render(measured).encode())
    print(page.PAGE)


if __name__ == "__main__":
    main()
