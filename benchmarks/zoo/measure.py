"""What the scan says of a zoo: `python -m benchmarks.zoo.measure FOLDER [ROLE]`; resumable.

It scans each network of the role, by default `evaluation`, on tuning images. It prints a table.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from benchmarks.zoo.members import ROLES
from benchmarks.zoo.networks import network
from securemnist._util.resources import write_atomically
from securemnist.backdoor.scan import references, searches
from securemnist.backdoor.scan.statistics import Statistic, judged
from securemnist.data import load
from securemnist.measures.backdoor_scan import SEARCHED

Record = dict[str, Any]
FloatArray = NDArray[np.float64]
RESAMPLES = 2_000


def main() -> None:
    """Scan what was not scanned yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("role", nargs="?", default="evaluation", choices=ROLES)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    files = sorted(options.folder.glob(f"{options.role}*.json"))
    missing = [file for file in files if not file.with_suffix(".scan").exists()]
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for name in pool.imap_unordered(_scan, missing):
            print(name, flush=True)
    _print_table(
        [(record, found[0]) for record, found in judged_scans(options.folder, options.role)]
    )


def judged_scans(folder: Path, role: str) -> list[tuple[Record, list[Statistic]]]:
    """The record of each scanned network of a role, and its statistics against the bundled references."""
    known = [one.tensors() for one in references.read(references.BUNDLED).networks]
    found = []
    for file in sorted(folder.glob(f"{role}*.scan")):
        scan = json.loads(file.read_text())
        sizes = {kind: torch.tensor(values) for kind, values in scan["sizes"].items()}
        record = json.loads(file.with_suffix(".json").read_text()) | {"seconds": scan["seconds"]}
        found.append((record, judged(sizes, known)))
    return found


def _scan(file: Path) -> str:
    """Scan a network on one core; its name."""
    torch.set_num_threads(1)
    data = load()
    model = network(json.loads(file.read_text())["architecture"])
    model.load_state_dict(load_file(file.with_suffix(".safetensors")))
    model.eval().requires_grad_(False)
    began = time.perf_counter()
    samples = data.tuning[:SEARCHED]
    x, y = samples.images(), samples.labels
    found = searches.search(model, x, y, data.spec.classes, seed=0)
    sizes = {one.kind: [round(float(size), 4) for size in one.sizes] for one in found}
    scan = {"seconds": round(time.perf_counter() - began, 1), "sizes": sizes}
    write_atomically(file.with_suffix(".scan"), json.dumps(scan).encode())
    return file.stem


def _print_table(records: list[tuple[Record, Statistic]]) -> None:
    clean = [statistic for record, statistic in records if not record["backdoor"]]
    print(
        "| networks | number | anomalies | with the right class | undecided "
        "| AUROC against clean ones (95 %) |"
    )
    print("|---|---|---|---|---|---|")
    print(f"| clean | {len(clean)} | {_anomalies(clean)} | - | {_undecided(clean)} | - |")
    kinds = sorted({record["backdoor"] for record, _ in records} - {""})
    for kind in [*kinds, "all"]:
        chosen = [
            pair for pair in records if pair[0]["backdoor"] and kind in (pair[0]["backdoor"], "all")
        ]
        statistics = [statistic for _, statistic in chosen]
        right = sum(
            statistic.is_anomaly and statistic.place == _place(record)
            for record, statistic in chosen
        )
        cells = (
            kind.replace("_", " "),
            len(chosen),
            _anomalies(statistics),
            right,
            _undecided(statistics),
            _auroc(statistics, clean),
        )
        print("|", " | ".join(map(str, cells)), "|")
    seconds = sorted(record["seconds"] for record, _ in records)
    print(f"\nSeconds a network: median {seconds[len(seconds) // 2]}, most {seconds[-1]}.")


def _place(record: Record) -> int:
    """The map of the backdoor: its target, or the last map, to any other class."""
    return 10 if record["target"] is None else int(record["target"])


def _anomalies(statistics: list[Statistic]) -> int:
    return sum(statistic.is_anomaly for statistic in statistics)


def _undecided(statistics: list[Statistic]) -> int:
    return sum(statistic.is_doubtful and not statistic.is_anomaly for statistic in statistics)


def _auroc(backdoored: list[Statistic], clean: list[Statistic]) -> str:
    if not clean:
        return "-"
    auroc, low, high = auroc_interval(_probabilities(backdoored), _probabilities(clean))
    return f"{auroc:.3f} ({low:.3f} to {high:.3f})"


def _probabilities(statistics: list[Statistic]) -> FloatArray:
    return np.array([one.probability for one in statistics])


def auroc_interval(backdoored: FloatArray, clean: FloatArray) -> tuple[float, float, float]:
    """The AUROC, that a backdoored network is less probable than a clean one, and its 95 % interval.

    By a bootstrap of both groups, each with replacement. Where the groups do not overlap, the interval
    has no width, however few the networks are.
    """
    wins = (backdoored[:, None] < clean) + 0.5 * (backdoored[:, None] == clean)
    rng = np.random.default_rng(0)
    rows, columns = (rng.integers(side, size=(RESAMPLES, side)) for side in wins.shape)
    draws = [wins[np.ix_(*places)].mean() for places in zip(rows, columns, strict=True)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(wins.mean()), float(low), float(high)


if __name__ == "__main__":
    main()
