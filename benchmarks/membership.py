"""Write the table of docs/privacy.md: membership inference on networks that memorised their images.

`python -m benchmarks.membership` takes about four minutes of one thread.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch
from torch import nn

from benchmarks.page import store
from securemnist import data
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading
from securemnist.results.evidence.privacy import MembershipEvidence
from securemnist.train.recipes import Recipe
from securemnist.train.retraining import trained

PAGE = Path(__file__).parent.parent / "docs" / "privacy.md"
HEAD = "| network | images a side | AUROC (95 %) | by the margin alone | TPR at 1 % FPR |"
# Training images, and epochs.
SMALL = ((500, 60), (1_000, 60), (2_000, 40))
BUNDLED = ("baseline", "hardened", "certified", "certified_mnist", "network_c", "network_d")


def line(name: str, model: nn.Module, samples: DataSet) -> str:
    """One row of the table."""
    context = Context(loading.from_model(model, name="network"), samples)
    measured = take_measurement(context, "membership_auroc", bind("membership_auroc", {}), 0)
    evidence = measured.evidence
    if not isinstance(evidence, MembershipEvidence) or evidence.found is None:
        raise SystemExit(f"{name}: expected evidence of membership, got {evidence!r:.200}")
    interval = f"{measured.value:.3f} ({measured.low:.3f} to {measured.high:.3f})"
    alone = abs(evidence.areas["margin"] - 0.5) + 0.5
    text = f"| {name} | {measured.n:,} | {interval} | {alone:.3f} | {evidence.found:.1%} |"
    print(text, flush=True)
    return text


def rows() -> list[str]:
    """The networks that memorised few images, their controls, and the bundled ones."""
    mnist = data.load()
    order = torch.randperm(len(mnist.train), generator=torch.Generator().manual_seed(0))
    written = []
    for n, epochs in SMALL:
        members, others = (mnist.train[part] for part in (order[:n], order[-n:]))
        few = dataclasses.replace(mnist, train=members, tuning=mnist.tuning[:200])
        for name, samples in (("trained on them", members), ("control", others)):
            network = trained(few, samples, Recipe(epochs=epochs))
            written.append(line(f"{n:,} images, {epochs} epochs, {name}", network, few))
    return written + [line(f"`{name}`", loading.resolve(name).model, mnist) for name in BUNDLED]


def main() -> None:
    """Measure all networks and put the table into the page."""
    made = f"Made by `python -m benchmarks.membership` on torch {torch.__version__}."
    store(PAGE, "memorised", (HEAD, "|---" * (HEAD.count("|") - 1) + "|", *rows(), "", made))


if __name__ == "__main__":
    main()
