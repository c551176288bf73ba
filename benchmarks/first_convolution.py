"""Processor time of a forward pass and gradient of 128 images, with torch's routine and with ours.

`python -m benchmarks.first_convolution` prints Markdown; one thread, the least of five repetitions each.
"""

from __future__ import annotations

import time
from contextlib import nullcontext

import torch

from benchmarks.proof_networks import trained
from securemnist import data
from securemnist.attacks import losses
from securemnist.attacks.first_convolution import FirstConvolution
from securemnist.models import loading
from securemnist.types import Model

BATCH, REPETITIONS, PASSES = 128, 5, 4
SMALL = "strided-adversarial-0"
REFERENCES = ("baseline", "hardened", "network_c", "network_d", "certified")


def measured(model: Model) -> tuple[float, float, int]:
    """Milliseconds of a pass before and now, and the pixels whose gradient has another sign."""
    split = data.load().tuning
    x, y = split.images()[:BATCH], split.labels[:BATCH]
    least = [float("inf")] * 2
    signs = [x, x]
    for _ in range(REPETITIONS):
        for side, mode in enumerate((nullcontext, FirstConvolution)):
            losses.FirstConvolution = mode  # type: ignore[attr-defined,assignment]
            began = time.process_time()
            for _ in range(PASSES):
                gradient = losses.loss_and_gradient(model, x, y, losses.cross_entropies)[1]
            least[side] = min(least[side], (time.process_time() - began) / PASSES * 1e3)
            signs[side] = gradient.sign()
    return least[0], least[1], int((signs[0] != signs[1]).sum())


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print("| network | before, ms | now, ms | before / now | other signs |\n|---|---|---|---|---|")
    for name in (SMALL, *REFERENCES):
        model = trained(name) if name == SMALL else loading.resolve(name).model
        before, now, signs = measured(model)
        print(f"| {name} | {before:.1f} | {now:.1f} | {before / now:.2f}x | {signs} |", flush=True)


if __name__ == "__main__":
    main()
