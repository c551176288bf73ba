"""Time of an epoch: the baseline recipe and a plain loop, each in its own process."""

from __future__ import annotations

import os
import subprocess  # nosec B404 # fixed lists, no shell
import sys
import tempfile
from functools import partial

from benchmarks.timing import Timing, interleaved, ratio
from securemnist import data
from securemnist._util import resources
from securemnist.models import loading
from securemnist.train.loop import accuracy_of

# As in anybody's script: nothing of ours is imported, so that no setting of ours helps.
_DATA = """
import gzip, sys, numpy, torch
from pathlib import Path
def read(name, offset):
    content = gzip.open(Path(sys.argv[1]) / name).read()
    return torch.from_numpy(numpy.frombuffer(content, "u1", -1, offset).copy())
x = read("train-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28)[:55000].float().div(255)
y = read("train-labels-idx1-ubyte.gz", 8)[:55000].long()
"""
_PLAIN = """
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
loader = DataLoader(TensorDataset((x - 0.1307) / 0.3081, y), batch_size=128, shuffle=True)
model = nn.Sequential(
    nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for x, y in loader:
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
"""
_OURS = """
import dataclasses
from securemnist import data
from securemnist.runtime.malloc import keep_freed_memory
from securemnist.train import RECIPES
from securemnist.train.loop import Trainer
keep_freed_memory()
trainer = Trainer(RECIPES["baseline"], data.load())
trainer._probe = dict
trainer.run_epoch()
"""
_START = "from securemnist import data, models, train; data.load().train.images()"


def _run(program: str) -> None:
    # This process has imported our package, which sets how threads wait; theirs would not have.
    env = {
        name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))
    }
    command = [sys.executable, "-c", program, str(resources.MNIST)]
    subprocess.run(command, env=env, check=True)  # nosec B603 # a program of ours


def _without(whole: Timing, start: Timing) -> Timing:
    """The seconds of an epoch: those of the process less those of its start in the same round."""
    return Timing(tuple(a - b for a, b in zip(whole.seconds, start.seconds, strict=True)))


def report() -> list[str]:
    """Markdown: seconds of an epoch with start-up, and without."""
    print("training", flush=True)
    sides = {"their start": _DATA, "plain loop": _DATA + _PLAIN}
    sides |= {"our start": _START, "securemnist": _OURS}
    timings = interleaved({name: partial(_run, text) for name, text in sides.items()}, 3)
    plain = _without(timings["plain loop"], timings["their start"])
    own = _without(timings["securemnist"], timings["our start"])
    return [
        "### Training: one epoch of network A on 55,000 images",
        "",
        "Plain loop: NCHW float32, DataLoader, batch 128, Adam. Each runs in its own process. The",
        "start-up time of Python, torch and the data is measured in the same round and subtracted.",
        "",
        "| side | seconds (range) |",
        "|---|---|",
        f"| plain loop | {plain} |",
        f"| securemnist | {own} |",
        "",
        f"We are {ratio(plain, own)} faster.",
        "",
        *_whole_command(),
    ]


def _whole_command() -> list[str]:
    """`securemnist train baseline --fast`, from its start to its files, and what they read."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["-m", "securemnist", "train", "baseline", "--fast", "--out", folder]

        def whole() -> None:
            command = [sys.executable, *words]
            subprocess.run(command, check=True, capture_output=True)  # nosec B603 # a program of ours

        taken = interleaved({"train baseline --fast": whole}, 3)["train baseline --fast"]
        model = loading.resolve(f"{folder}/baseline.safetensors").model
    test = data.load().test
    right = accuracy_of(model, test.images(), test.labels)
    return [
        "### `securemnist train baseline --fast`",
        "",
        "| part | seconds (range) |",
        "|---|---|",
        f"| the whole command | {taken} |",
        "",
        f"One epoch; test accuracy {right:.2%}.",
        "",
    ]
