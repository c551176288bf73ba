"""An epoch of the baseline recipe beside the plain loop, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from benchmarks.timing import interleaved, ratio

_PLAIN = """
import torch, torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
from securemnist import data, models
digits = data.load().train
torch.manual_seed(0)
loader = DataLoader(TensorDataset(digits.images(), digits.labels), batch_size=128, shuffle=True)
model = models.build("A")
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for x, y in loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
"""
_OURS = """
import dataclasses
from securemnist import data
from securemnist._memory import keep_freed_memory
from securemnist.train import RECIPES
from securemnist.train.loop import Trainer
keep_freed_memory()
trainer = Trainer(RECIPES["baseline"], data.load())
trainer._probe = dict
trainer.run_epoch()
"""
_START = "from securemnist import data, models, train; data.load()"


def _run(program: str) -> None:
    subprocess.run([sys.executable, "-c", program], check=True)


def report() -> list[str]:
    """Markdown: seconds of an epoch with start-up, and without."""
    print("training", flush=True)
    sides = {"start-up alone": _START, "plain loop": _PLAIN, "securemnist": _OURS}
    timings = interleaved({name: partial(_run, text) for name, text in sides.items()}, 3)
    start = timings["start-up alone"]
    plain, own = (
        type(start)(tuple(a - b for a, b in zip(timings[name].seconds, start.seconds, strict=True)))
        for name in ("plain loop", "securemnist")
    )
    return [
        "### Training: one epoch of network A on 55,000 digits",
        "",
        "Plain loop: NCHW float32, DataLoader, batch 128, Adam. Each side in a process of its own; the",
        "time of starting Python, torch and the data is measured in the same round and taken off.",
        "",
        "| side | seconds (range) |",
        "|---|---|",
        f"| plain loop | {plain} |",
        f"| securemnist | {own} |",
        "",
        f"We are {ratio(plain, own)} faster.",
        "",
    ]
