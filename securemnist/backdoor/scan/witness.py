"""Witness of a backdoor: a found perturbation, and what it does to images that the search did not use."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from securemnist.backdoor.scan.perturbation import Perturbation
from securemnist.backdoor.success_rate import Predictions, Success, TargetMap, target_maps
from securemnist.types import Images, Labels, Logits

_PART = 250
_NAMED = 10


@torch.no_grad()
def logits_of(model: nn.Module, x: Images) -> Logits:
    """Logits (n, K) float32 on the CPU."""
    return torch.cat([model(part).float() for part in x.split(_PART)]).cpu()


@torch.no_grad()
def triggered(perturbation: Perturbation, x: Images) -> Images:
    """Copies of images (n, C, H, W) with a perturbation of one place, in [0, 1]."""
    perturbation.to(x.device)
    return torch.cat([perturbation.apply(part[None])[0] for part in x.split(_PART)])


def most_frequent(
    model: nn.Module, perturbation: Perturbation, x: Images, y: Labels, classes: int
) -> TargetMap:
    """The map of each class to the other one that most of its steered images become.

    A class of which no image is steered is its own target. The name has the first ones, such as
    `0 to 1, 1 to 2`.
    """
    answers, labels = logits_of(model, triggered(perturbation, x)).argmax(1), y.cpu()
    table = torch.arange(classes)
    for label in labels[answers != labels].unique():
        table[label] = answers[(labels == label) & (answers != label)].mode().values
    pairs = [f"{source} to {to}" for source, to in enumerate(table.tolist())]
    return TargetMap(", ".join(pairs[:_NAMED] + ["..."] * (classes > _NAMED)), table)


@dataclass(frozen=True)
class Witness:
    """A perturbation with one place, and the map of classes that it was searched for."""

    perturbation: Perturbation
    target_map: TargetMap

    def triggered(self, x: Images) -> Images:
        """Copies of images (n, C, H, W) with the perturbation, in [0, 1]."""
        return triggered(self.perturbation, x)

    def success(self, model: nn.Module, x: Images, y: Labels) -> Success:
        """The images of other classes that it steers to the target."""
        clean, changed = logits_of(model, x), logits_of(model, self.triggered(x))
        return Predictions.of(y.cpu(), clean, changed).success(self.target_map)


def witness_at(
    place: int, found: Perturbation, model: nn.Module, x: Images, y: Labels, classes: int
) -> Witness:
    """The perturbation for one map of a search: those to each class, then that to any other class."""
    perturbation = found[torch.tensor([place])]
    if place < classes:
        return Witness(perturbation, target_maps(place, classes)[0])
    return Witness(perturbation, most_frequent(model, perturbation, x, y, classes))
