"""Retraining after the data filter: accuracy and attack success rate, beside two controls.

The controls are a filter that removes as many images at random, and, where the poisoned images are known,
a perfect one.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import nn

from securemnist.attacks.losses import answers
from securemnist.backdoor import CleanLabel, Poison, Trigger
from securemnist.backdoor.success_rate import Predictions, TargetMap, target_maps
from securemnist.data import DataSet, Samples
from securemnist.train.loop import Trainer
from securemnist.train.recipes import Recipe
from securemnist.types import Progress, silent

_BATCH = 256


@dataclass(frozen=True)
class Trial:
    """Training samples and what is known of their poison.

    `trigger` and `targets` are the attack whose success is measured, `planted` boolean (n,) the poisoned
    images; None where they are unknown.
    """

    samples: Samples
    trigger: Trigger | None = None
    targets: TargetMap | None = None
    planted: torch.Tensor | None = None

    @classmethod
    def of(cls, poison: Poison, samples: Samples, classes: int, *, seed: int) -> Trial:
        """The samples with the poison; a poison without trigger has no attack."""
        planted = torch.zeros(len(samples), dtype=torch.bool)
        planted[poison.chosen(samples.labels, seed=seed)] = True
        table = poison.relabelled(torch.arange(classes), classes)
        targets = TargetMap(poison.kind, table)
        if isinstance(poison, CleanLabel):  # it changes no label, and aims at its class
            targets = target_maps(poison.target, classes)[0]
        trigger = getattr(poison, "trigger", None)
        return cls(poison(samples, seed=seed), trigger, targets, planted)


@dataclass(frozen=True)
class Arm:
    """A network trained on `images` images: clean accuracy and attack success rate, in [0, 1].

    `success` is None without an attack.
    """

    name: str
    images: int
    accuracy: float
    success: float | None


def trained(
    data: DataSet, samples: Samples, recipe: Recipe, *, progress: Progress = silent
) -> nn.Module:
    """A network after all epochs of the recipe on `samples`, without the recipe's own poison."""
    data = dataclasses.replace(data, train=samples)
    trainer = Trainer(dataclasses.replace(recipe, poison=None), data)
    while trainer.epoch < recipe.epochs:
        trainer.run_epoch(progress=progress)
    return trainer.model.eval()


def retrained(
    data: DataSet,
    trial: Trial,
    removed: torch.Tensor,
    recipe: Recipe,
    before: nn.Module,
    *,
    seed: int,
    progress: Progress = silent,
) -> list[Arm]:
    """The arms: `before` is trained on all samples, the others without those that a filter removes.

    `removed` is boolean (n,). The test images of the data give the rates.
    """
    rng = torch.Generator().manual_seed(seed)
    kept = {
        "the filter": ~removed,
        "a random filter": ~removed[torch.randperm(len(removed), generator=rng)],
    }
    if trial.planted is not None:
        kept["a perfect filter"] = ~trial.planted
    arms = [measured("no filter", before, len(removed), data.test, trial)]
    for name, chosen in kept.items():
        samples = trial.samples[chosen.nonzero().squeeze(1)]
        model = trained(data, samples, recipe, progress=progress)
        arms.append(measured(name, model, len(samples), data.test, trial))
    return arms


def measured(name: str, model: nn.Module, images: int, test: Samples, trial: Trial) -> Arm:
    """Accuracy and attack success rate of a network on the test samples."""
    x, labels = test.images(), test.labels
    clean = answers(model, x, _BATCH)
    success = None
    if trial.trigger is not None and trial.targets is not None:
        predictions = Predictions.of(labels, clean, answers(model, trial.trigger(x), _BATCH))
        success = predictions.success(trial.targets).rate
    return Arm(name, images, float((clean.argmax(1) == labels).double().mean()), success)
