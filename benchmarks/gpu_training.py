"""Interval training of a recipe on a GPU: `python -m benchmarks.gpu_training NAME FILE [--kappa 0.2]`.

It makes the steps of `securemnist.train`, whose own runs are on the processor. The weights of the epoch
with the most certified tuning images are written to FILE. The same seed need not give the same weights.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file

from securemnist import data
from securemnist.train import Recipe, interval_training, recipe_named
from securemnist.train.loop import PROBE_EPS, Trainer
from securemnist.types import Images, Labels

PART = 1_000


class GpuTrainer(Trainer):
    """A run of interval training whose network and images are on a device."""

    def __init__(self, recipe: Recipe, mnist: data.DataSet, device: str) -> None:
        super().__init__(recipe, mnist)
        self.device = device
        self.model.to(device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.learning_rate)
        self._images, self._labels = self._images.to(device), self._labels.to(device)

    def _batches(self, rng: torch.Generator) -> Iterator[tuple[Images, Labels]]:
        order = torch.randperm(len(self._labels), generator=rng).to(self.device)
        for part in order.split(self.recipe.batch):
            yield self._images[part], self._labels[part]

    def _certified_step(self, x: Images, y: Labels, step: int) -> tuple[float, int]:
        with torch.device(self.device):  # of the constants that the bounds make
            return super()._certified_step(x, y, step)

    @torch.no_grad()
    def _probe(self) -> dict[str, float]:
        self.model.eval()
        tuning = self.data.tuning
        right = certified = 0
        for x, y in zip(tuning.images().split(PART), tuning.labels.split(PART), strict=True):
            images, labels = x.to(self.device), y.to(self.device)
            right += int((self.model(images).argmax(1) == labels).sum())
            with torch.device(self.device):
                layers = interval_training.layers_of(self.model)
                bounds = interval_training.bounds(
                    layers, images, labels, PROBE_EPS, regularise=False
                )
            certified += bounds.certified()
        count = len(tuning.labels)
        return {"tuning_accuracy": right / count, "tuning_certified_accuracy": certified / count}


def main() -> None:
    """Train, print each epoch, and keep the best one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("file", type=Path)
    parser.add_argument("--kappa", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    given = {"kappa": options.kappa, "epochs": options.epochs, "seed": options.seed}
    changes = {name: value for name, value in given.items() if value is not None}
    recipe = dataclasses.replace(recipe_named(options.name), **changes)
    if not recipe.certifying:
        raise SystemExit(f"expected a recipe of interval training, got {options.name}; name one")
    run, best = GpuTrainer(recipe, data.load(), options.device), -1.0
    while run.epoch < recipe.epochs:
        run.run_epoch()
        found = run.history[-1]
        print(found, flush=True)
        if found["tuning_certified_accuracy"] >= best:
            best = found["tuning_certified_accuracy"]
            weights = run.model.state_dict()
            save_file({key: w.cpu().contiguous() for key, w in weights.items()}, options.file)


if __name__ == "__main__":
    main()
