"""Time and memory of large networks: `python -m benchmarks.large_models`.

Every case is measured in a process of its own, on noise whose labels are the network's own
predictions: so every image is attacked. Writes the section "large models" of docs/performance.md.
"""

from __future__ import annotations

import json
import resource
import subprocess  # nosec B404 # a fixed list, no shell
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.page import store

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
_ATTACKED = 500


@dataclass(frozen=True)
class Case:
    """A network on square colour images of `side` pixels."""

    network: str
    side: int
    images: int


CASES = (
    Case("resnet18", 32, 1_000),
    Case("mobilenet_v2", 32, 1_000),
    Case("resnet18", 224, 50),
)


def report() -> list[str]:
    """The lines of the section."""
    lines = [
        "### Large networks: the smoke rows on noise",
        "",
        "Clean accuracy of all images, and PGD-10 at 2/255 on at most 500 with its doubts. Random "
        "weights of torchvision;",
        "the labels are the network's predictions. Peak memory is that of the process, with Python "
        "and torch.",
        "",
        "| network | images | attacked | PGD-10 left | clean, s | PGD-10 row, s | peak memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in CASES:
        command = [sys.executable, "-m", "benchmarks.large_models"]
        command += [case.network, str(case.side), str(case.images)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # nosec B603
        found = json.loads(done.stdout.splitlines()[-1])
        lines.append(
            f"| {case.network} | {case.images:,} of 3x{case.side}x{case.side} | "
            f"{found['attacked']} | {found['left']:.3f} | {found['clean']:.0f} | "
            f"{found['attack']:.0f} | {found['gib']:.2f} GiB |"
        )
        print(lines[-1], flush=True)
    return [*lines, ""]


def run(case: Case) -> dict[str, float]:
    """Measure one case in this process: seconds, peak memory and what the attack left."""
    import securemnist as sm
    from benchmarks import large_networks

    torch.set_num_threads(2)
    model = getattr(large_networks, case.network)()
    shape = (case.images, case.side, case.side, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous().float() / 255
    with torch.no_grad():
        labels = torch.cat([model(part).argmax(1) for part in images.split(50)])
    if int(labels.max()) < large_networks.CLASSES - 1:
        labels[-1] = large_networks.CLASSES - 1  # the data have ten classes
    data = sm.DataSet.from_tensors(images, labels)
    began = time.perf_counter()
    sm.measure("clean_accuracy", model, data)
    clean = time.perf_counter() - began
    row = sm.measure(
        "robust_accuracy",
        model,
        data,
        threat=sm.Linf(2 / 255),
        attack="PGD:steps=10",
        images=min(_ATTACKED, case.images),
    )
    return {
        "clean": clean,
        "attack": time.perf_counter() - began - clean,
        "attacked": row.n,
        "left": row.value,
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


if __name__ == "__main__":
    if len(sys.argv) == 4:
        network, side, images = sys.argv[1:]
        print(json.dumps(run(Case(network, int(side), int(images)))))
    else:
        origin = (
            f"Made by `python -m benchmarks.large_models` on torch {torch.__version__}, 2 threads."
        )
        store(PAGE, "large models", [*report(), origin, ""])
