"""Survivors of the full ladder with all nine target classes, and with those that a probe finds nearest.

`python -m benchmarks.followed [NETWORK ...]` prints Markdown; one thread, tuning images, two seeds.
"""

from __future__ import annotations

import dataclasses
import sys
import time

import torch

from benchmarks.proof_networks import NETWORKS, trained
from securemnist import data
from securemnist.attacks.apgd import APGDT
from securemnist.attacks.base import Attack
from securemnist.attacks.boundary_fab import BoundaryFAB
from securemnist.evaluation.context import Context
from securemnist.evaluation.ladder import evaluate
from securemnist.evaluation.ladders import BUDGETS
from securemnist.models import loading
from securemnist.threats import Linf

# Network, eps and number of images. Among them are an eps where most images survive, and one where
# many are near their boundary.
CASES = (
    ("certified", 0.3, 3000),
    ("certified", 0.35, 500),
    ("strided-adversarial-0", 0.25, 200),
    ("strided-adversarial-1", 0.3, 200),
    ("network_d", 0.14, 300),
    ("baseline", 0.16, 300),
    ("hardened", 0.3, 100),
    ("hardened", 0.36, 300),
)
SEEDS = (0, 1)


def before(attack: Attack) -> Attack:
    """The attack of the full ladder as it was: all targets, eight starts."""
    if isinstance(attack, APGDT):
        return dataclasses.replace(attack, followed=0)
    return dataclasses.replace(attack, starts=8) if isinstance(attack, BoundaryFAB) else attack


def survivors(context: Context, eps: float, attacks: list[Attack]) -> tuple[str, float]:
    """Survivors of each seed, and seconds of processor time."""
    began, sample = time.process_time(), context.sample(len(context.data.test), 0)
    scouts = len(BUDGETS["full"].scouts)
    runs = [
        evaluate(context, sample, attacks, Linf(eps), seed, before_crown=scouts) for seed in SEEDS
    ]
    left = ", ".join(str(run.outcomes.unbroken) for run in runs)
    return left, time.process_time() - began


def main(names: list[str]) -> None:
    """Print the table of these networks, or of all."""
    torch.set_num_threads(1)
    now, mnist = list(BUDGETS["full"].attacks), data.load()
    print(
        "| network | eps | images | before | now | before, s | now, s |\n|---|---|---|---|---|---|---|"
    )
    for name, eps, images in CASES:
        if names and name not in names:
            continue
        small = name in NETWORKS
        subject = loading.from_model(trained(name), name=name) if small else loading.resolve(name)
        context = Context(subject, dataclasses.replace(mnist, test=mnist.tuning[:images]))
        first, slow = survivors(context, eps, [before(attack) for attack in now])
        second, fast = survivors(context, eps, now)
        print(
            f"| {name} | {eps} | {images} | {first} | {second} | {slow:.0f} | {fast:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
