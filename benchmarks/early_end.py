"""Processor time of Square and the images that it breaks, with and without its early end.

`python -m benchmarks.early_end` writes a section of docs/performance.md. One thread; tuning images;
both sides draw the same random numbers for each image.
"""

from __future__ import annotations

import time
from pathlib import Path
from unittest.mock import patch

import torch

from benchmarks.page import store
from securemnist import data
from securemnist.attacks import reach
from securemnist.attacks.square import Square
from securemnist.models import loading
from securemnist.threats import Linf
from securemnist.types import Images, Labels, Model

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
IMAGES = 150
# Network, eps, queries: at each eps some images break and some do not.
CASES = (
    ("baseline", 0.12, 1_000),
    ("baseline", 0.16, 1_000),
    ("network_d", 0.1, 1_000),
    ("network_d", 0.14, 1_000),
    ("hardened", 0.3, 1_000),
    ("hardened", 0.36, 1_000),
    ("certified", 0.3, 1_000),
    ("certified", 0.35, 1_000),
    ("certified", 0.35, 5_000),
)
HEAD = [
    "### Early end of Square",
    "",
    "At a quarter and at half of its queries Square leaves images that are out of its reach",
    f"(`securemnist/attacks/reach.py`). {IMAGES} tuning images, processor time of one thread.",
    "*Lost*: images that it breaks only without this rule.",
    "",
    "| network | eps | queries | broken | lost | whole search, s | with early end, s | ratio |",
    "|---|---|---|---|---|---|---|---|",
]


def searched(
    model: Model, x: Images, y: Labels, eps: float, queries: int
) -> tuple[torch.Tensor, float]:
    """Which images Square breaks, boolean (n,), and its processor time in seconds."""
    began = time.process_time()
    generator = torch.Generator().manual_seed(0)
    found = Square(queries=queries).propose(model, x, y, threat=Linf(eps), rng=generator)
    seconds = time.process_time() - began
    with torch.no_grad():
        return model(found).argmax(1) != y, seconds


def measured(name: str, eps: float, queries: int) -> str:
    """The row of one case."""
    model, split = loading.resolve(name).model, data.load().tuning
    x, y = split.images()[:IMAGES], split.labels[:IMAGES]
    with torch.no_grad():
        correct = model(x).argmax(1) == y
    x, y = x[correct], y[correct]
    with patch.object(reach, "LOOKS", ()):
        whole, before = searched(model, x, y, eps, queries)
    ended, now = searched(model, x, y, eps, queries)
    lost = int((whole & ~ended).sum())
    return (
        f"| {name} | {eps:g} | {queries:,} | {int(whole.sum())} of {len(x)} | {lost} "
        f"| {before:.1f} | {now:.1f} | {before / now:.2f}x |"
    )


def main() -> None:
    """Measure all cases and write the section."""
    torch.set_num_threads(1)
    rows = []
    for case in CASES:
        rows.append(measured(*case))
        print(rows[-1], flush=True)
    made = f"Made by `python -m benchmarks.early_end` on torch {torch.__version__}, 1 thread."
    store(PAGE, "early end", [*HEAD, *rows, "", made, ""])


if __name__ == "__main__":
    main()
