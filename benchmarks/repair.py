"""Repair of networks with two backdoors: before and after, by each method.

    python -m benchmarks.repair [--seeds 2 3] [--networks FOLDER] [--out FILE] [--test 10000]

Network A is trained with two triggers: one of the table with target 7, and stripes with target 3. The
repair knows the first one by `auto` and `unlearn`, and none by the others; `search` is what `auto` does
without a trigger. Each row is one line of FILE; a row that is there already is not run again, nor is a
network in FOLDER trained again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from securemnist.backdoor import Blend, Corner, DirtyLabel, Stripes, Trigger, Warp
from securemnist.backdoor.repair import METHODS, begun
from securemnist.backdoor.repair.clean_set import clean_set
from securemnist.backdoor.repair.outcome import measured
from securemnist.data import DataSet, load
from securemnist.models import loading
from securemnist.train import Recipe, train

TARGET, SECOND, SECOND_TARGET, SECOND_RATE = 7, Stripes(), 3, 0.02
TRIGGERS: dict[str, tuple[Trigger, float]] = {
    "patch": (Corner(), 0.02),
    "blend": (Blend(), 0.02),
    "warp": (Warp(), 0.1),
}
CLEAN = 5_000


def network(name: str, seed: int, data: DataSet, folder: Path) -> nn.Module:
    """The network with the backdoor `name`, from the folder or trained for five epochs."""
    path = folder / f"{name}-{seed}.safetensors"
    if not path.exists():
        trigger, rate = TRIGGERS[name]
        second = DirtyLabel(trigger=SECOND, target=SECOND_TARGET, rate=SECOND_RATE)
        poisoned = dataclasses.replace(data, train=second(data.train, seed=seed + 100))
        poison = DirtyLabel(trigger=trigger, target=TARGET, rate=rate)
        recipe = Recipe(learning_rate=2e-3, seed=seed, poison=poison)
        folder.mkdir(parents=True, exist_ok=True)
        train(path.stem, recipe, poisoned, folder)
    return loading.resolve(f"A@{path}").model


def row(name: str, seed: int, method: str, data: DataSet, folder: Path) -> dict[str, Any]:
    """The measurement of one repair; `seconds` are of the processor."""
    model, trigger = network(name, seed, data, folder), TRIGGERS[name][0]
    work = begun(model, clean_set(data, CLEAN, seed=seed), (trigger,), seed=seed)
    began = time.process_time()
    searched = METHODS[method](work)
    seconds = time.process_time() - began
    found = measured(model, work, data.test, (SECOND,), TARGET)
    first, second = found.triggers
    return {
        "case": name,
        "seed": seed,
        "method": method,
        "seconds": seconds,
        "threads": torch.get_num_threads(),
        "test_images": len(data.test),
        "accuracy": [found.before.value, found.after.value],
        "success": [first.before.success.value, first.after.success.value],
        "recovered": [first.before.recovered.value, first.after.recovered.value],
        "second": [second.before.success.value, second.after.success.value],
        "relearned": [share.value for share in first.relearned or ()],
        "found": list(dict.fromkeys(one.target for one in searched or ())),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The means over the seeds as Markdown."""
    head = ("backdoor", "method", "seeds", "clean accuracy", "ASR", "recovered", "ASR of the second",
            "ASR learned again: original", "repaired", "classes found", "processor s")  # fmt: skip
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    for case in TRIGGERS:
        for method in METHODS:
            some = [r for r in rows if (r["case"], r["method"]) == (case, method)]
            if not some:
                continue
            pairs = [_pair(some, key) for key in ("accuracy", "success", "recovered", "second")]
            again = [f"{100 * _mean(some, 'relearned', n):.1f} %" for n in (0, 1)]
            seconds = statistics.mean(r["seconds"] for r in some)
            seeds = ", ".join(str(r["seed"]) for r in some)
            found = "; ".join(", ".join(map(str, r["found"])) or "-" for r in some)
            cells = (case, method, seeds, *pairs, *again, found, f"{seconds:.0f}")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(rows: list[dict[str, Any]], key: str, place: int) -> float:
    return float(statistics.mean(row[key][place] for row in rows))


def _pair(rows: list[dict[str, Any]], key: str) -> str:
    return " -> ".join(f"{100 * _mean(rows, key, place):.2f}" for place in (0, 1)) + " %"


def main() -> None:
    """Run the rows that FILE lacks, and print the table."""
    parser = argparse.ArgumentParser(description="Repair of networks with backdoors.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--networks", type=Path, default=Path("networks"))
    parser.add_argument("--out", type=Path, default=Path("repair.jsonl"))
    parser.add_argument("--method", action="append", help="Only this method; again for another.")
    parser.add_argument("--case", action="append", help="Only this backdoor; again for another.")
    parser.add_argument("--test", type=int, default=10_000, help="Test images to measure on.")
    options = parser.parse_args()
    data = load()
    data = dataclasses.replace(data, test=data.test.spread(options.test))
    lines = options.out.read_text().splitlines() if options.out.is_file() else []
    rows = [json.loads(line) for line in lines]
    known = {(found["case"], found["seed"], found["method"]) for found in rows}
    cases, methods = options.case or TRIGGERS, options.method or METHODS
    wanted = [(m, s, n) for m in methods for s in options.seeds for n in cases]
    for method, seed, name in wanted:
        if (name, seed, method) in known:
            continue
        rows.append(row(name, seed, method, data, options.networks))
        print(f"{name}, seed {seed}, {method}: {rows[-1]['seconds']:.0f} s", flush=True)
        with options.out.open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
    print(table([found for found in rows if found["seed"] in options.seeds]))


if __name__ == "__main__":
    main()
