"""Processor time of Square's queries, with whole images and with what a square changes.

`python -m benchmarks.square` prints Markdown; one thread. Both searches get the same squares and signs.
"""

from __future__ import annotations

import time

import torch

from benchmarks.proof_networks import trained
from securemnist import data
from securemnist.attacks.square import Square
from securemnist.models import loading
from securemnist.threats import Linf
from securemnist.types import Images, Model

IMAGES = 128
ATTACK = Square(queries=1000, whole=True)
# Networks, and an eps that breaks some images.
CASES = (
    ("strided-adversarial-0", 0.3),
    ("baseline", 0.12),
    ("hardened", 0.36),
    ("network_c", 0.12),
    ("network_d", 0.1),
    ("certified", 0.35),
)


def searched(model: Model, x: Images, y: torch.Tensor, eps: float) -> tuple[Images, float]:
    """Candidates, and seconds of processor time."""
    began = time.process_time()
    rng = torch.Generator().manual_seed(0)
    x_adv = ATTACK.propose(model, x, y, threat=Linf(eps), rng=rng)
    return x_adv, time.process_time() - began


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    tuning = data.load().tuning[:IMAGES]
    x, y = tuning.images(), tuning.labels
    columns = "network | eps | whole images, s | changed parts, s | ratio | broken (whole / parts)"
    print(f"| {columns} | other images |\n|---|---|---|---|---|---|---|")
    for name, eps in CASES:
        small = name.startswith("strided")
        model = trained(name) if small else loading.resolve(name).model
        searched(model, x, y, eps)  # exports the graph, once in an assessment
        # A function has no graph, so that each query is a forward pass of whole images.
        theirs, whole = searched(lambda images, model=model: model(images), x, y, eps)  # type: ignore[misc]
        ours, parts = searched(model, x, y, eps)
        broken = [int((images != x).flatten(1).any(1).sum()) for images in (theirs, ours)]
        other = int((ours != theirs).flatten(1).any(1).sum())
        counts = " / ".join(map(str, broken))
        print(
            f"| {name} | {eps} | {whole:.1f} | {parts:.1f} | {whole / parts:.1f}x | {counts} | {other} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
