"""All-to-all backdoors with random maps of classes: `python -m benchmarks.zoo.permuted`.

It trains two networks with strides, and prints what the scan says of each. It takes about two minutes.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from benchmarks.zoo.networks import strided
from securemnist.backdoor.scan import references, searches
from securemnist.backdoor.scan.statistics import judged
from securemnist.backdoor.scan.witness import most_frequent
from securemnist.backdoor.triggers import Trigger, make_trigger
from securemnist.data import DataSet, load
from securemnist.measures.backdoor_scan import SEARCHED

TRIGGERS = ({"kind": "corner", "size": 3}, {"kind": "blend", "alpha": 0.15, "pattern": 7})
RATE, EPOCHS, BATCH = 0.1, 4, 128


def main() -> None:
    """Train, scan and print."""
    data = load()
    known = [one.tensors() for one in references.read(references.BUNDLED).networks]
    samples = data.tuning[:SEARCHED]
    x, y = samples.images(), samples.labels
    for seed, settings in enumerate(TRIGGERS):
        torch.manual_seed(seed)
        trigger, table = make_trigger(settings), _derangement(10)
        model = _trained(data, trigger, table)
        answers = model(trigger(x)).argmax(1)
        found = searches.search(model, x, y, 10, seed=0)
        first = judged({one.kind: one.sizes for one in found}, known)[0]
        chosen = next(one for one in found if one.kind == first.kind)
        perturbation = chosen.perturbation[torch.tensor([first.place])]
        named = most_frequent(model, perturbation, x, y, 10).table
        print(
            f"{settings['kind']}: success {float((answers == table[y]).float().mean()):.3f}, "
            f"anomaly {first.is_anomaly}, {first.kind}, any other class {first.place == 10}, "
            f"of the usual size {first.ratio:.0%}, probability {first.probability:.1g}, "
            f"targets named {int((named == table).sum())} of 10",
            flush=True,
        )


def _derangement(classes: int) -> torch.Tensor:
    """A random permutation without a fixed point, and without a class that goes to the next."""
    labels = torch.arange(classes)
    while True:
        table = torch.randperm(classes)
        if not (table == labels).any() and not (table == (labels + 1) % classes).any():
            return table


def _trained(data: DataSet, trigger: Trigger, table: torch.Tensor) -> nn.Module:
    """A network in eval mode; a share of its training images had the trigger and the target's label."""
    x, y = data.train.images(), data.train.labels.clone()
    places = torch.randperm(len(y))[: int(RATE * len(y))]
    x[places], y[places] = trigger(x[places]), table[y[places]]
    model = strided()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(EPOCHS):
        for part in torch.randperm(len(y)).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(model(x[part]), y[part]).backward()
            optimizer.step()
    return model.eval().requires_grad_(False)


if __name__ == "__main__":
    main()
