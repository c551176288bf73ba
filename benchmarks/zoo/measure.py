"""Sizes of the scan's perturbations: `python -m benchmarks.zoo.measure FOLDER OUT` for a zoo."""

from __future__ import annotations

import argparse
import json
import time
from multiprocessing.queues import Queue
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import multiprocessing

from benchmarks.zoo.networks import network
from securemnist.backdoor.scan import searches
from securemnist.data import load


def main() -> None:
    """Write a line of JSON for each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--match", default="*")
    parser.add_argument("--steps", type=int, default=searches.STEPS)
    parser.add_argument("--batch", type=int, default=searches.BATCH)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    tasks = context.Queue()
    names = [file.stem for file in sorted(options.folder.glob(f"{options.match}.json"))]
    for name in [*names, *[None] * options.processes]:
        tasks.put(name)
    workers = [
        context.Process(target=_work, args=(tasks, options, place))
        for place in range(options.processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    parts = sorted(options.out.parent.glob(f"{options.out.name}.part*"))
    options.out.write_text("".join(part.read_text() for part in parts))
    for part in parts:
        part.unlink()


def _work(tasks: Queue[str | None], options: argparse.Namespace, place: int) -> None:
    torch.set_num_threads(1)
    searches.STEPS, searches.BATCH = options.steps, options.batch
    samples = load().tuning[:300]
    with Path(f"{options.out}.part{place}").open("w") as out:
        while (name := tasks.get()) is not None:
            model = network(name.split("-")[2])
            model.load_state_dict(load_file(options.folder / f"{name}.safetensors"))
            model.eval().requires_grad_(False).to(options.device)
            began = time.perf_counter()
            found = searches.search(model, samples, 10, seed=0)
            sizes = {one.kind: [round(float(size), 4) for size in one.sizes] for one in found}
            line = {"name": name, "seconds": round(time.perf_counter() - began, 2), **sizes}
            print(json.dumps(line), file=out, flush=True)


if __name__ == "__main__":
    main()
