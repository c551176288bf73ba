"""Retraining after the data filter: accuracy and attack success rate, beside two controls.

The controls are a filter that removes as many images at random, and, where the poisoned images are known,
a perfect one.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import nn

from securemnist.backdoor import CleanLabel, Poison, Trigger
from securemnist.backdoor.success_rate import Predictions, TargetMap, target_maps
from securemnist.data import DataSet, Samples
from securemnist.train.loop import Trainer
from securemnist.train.recipes import Recipe
from securemnist.types import Images, Logits, Progress, silent

_BATCH = 256


@dataclass(frozen=True)
class Attack:
    """A trigger, and the class that it should yield for each class."""

    trigger: Trigger
    targets: TargetMap

    @classmethod
    def of(cls, poison: Poison, classes: int) -> Attack | None:
        """The attack that a poison prepares for data of `classes` classes; None without a trigger."""
        trigger = getattr(poison, "trigger", None)
        if trigger is None:
            return None
        if isinstance(poison, CleanLabel):
            return cls(trigger, target_maps(poison.target, classes)[0])
        return cls(
            trigger, TargetMap(poison.kind, poison.relabelled(torch.arange(classes), classes))
        )


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
    trainer = Trainer(
        dataclasses.replace(recipe, poison=None), dataclasses.replace(data, train=samples)
    )
    while trainer.epoch < recipe.epochs:
        trainer.run_epoch(progress=progress)
    return trainer.model.eval()


def kept_images(
    removed: torch.Tensor, planted: torch.Tensor | None, *, seed: int
) -> dict[str, torch.Tensor]:
    """The images that each filter keeps, ascending indices by its name.

    `removed` and `planted` are boolean (n,); without `planted` there is no perfect filter.
    """
    rng = torch.Generator().manual_seed(seed)
    at_random = torch.randperm(len(removed), generator=rng)[int(removed.sum()) :]
    kept = {"filter": (~removed).nonzero().squeeze(1), "random filter": at_random.sort().values}
    if planted is not None:
        kept["perfect filter"] = (~planted).nonzero().squeeze(1)
    return kept


def measured(name: str, model: nn.Module, images: int, test: Samples, attack: Attack | None) -> Arm:
    """The arm of a network, by the test images."""
    x, labels = test.images(), test.labels
    clean = _logits(model, x)
    success = None
    if attack is not None:
        triggered = _logits(model, attack.trigger(x))
        success = Predictions.of(labels, clean, triggered).success(attack.targets).rate
    return Arm(name, images, float((clean.argmax(1) == labels).double().mean()), success)


@torch.no_grad()
def _logits(model: nn.Module, x: Images) -> Logits:
    return torch.cat([model(part) for part in x.split(_BATCH)])
