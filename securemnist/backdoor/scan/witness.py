"""Witness of a backdoor: a found perturbation, and what it does to images that the search did not use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from securemnist.backdoor.scan.perturbation import Perturbation
from securemnist.backdoor.success_rate import Predictions, Success, TargetMap
from securemnist.types import Images, Labels

_PART = 250


def applied(perturbation: Perturbation) -> Callable[[Images], Images]:
    """A function of images (n, C, H, W) to copies with the one perturbation, in [0, 1]."""

    @torch.no_grad()
    def triggered(x: Images) -> Images:
        perturbation.to(x.device)
        return torch.cat([perturbation.apply(part[None])[0] for part in x.split(_PART)])

    return triggered


@dataclass(frozen=True)
class Witness:
    """A perturbation with one place, and the map of classes that it was searched for."""

    perturbation: Perturbation
    target_map: TargetMap

    def triggered(self, x: Images) -> Images:
        """Copies of images (n, C, H, W) with the perturbation, in [0, 1]."""
        return applied(self.perturbation)(x)

    @torch.no_grad()
    def predictions(self, model: nn.Module, x: Images, y: Labels) -> Predictions:
        """What a model answers without and with the perturbation."""

        def logits(images: Images) -> torch.Tensor:
            return torch.cat([model(part).float() for part in images.split(_PART)]).cpu()

        return Predictions.of(y.cpu(), logits(x), logits(self.triggered(x)))

    def success(self, model: nn.Module, x: Images, y: Labels) -> Success:
        """The images of other classes that it steers to the target."""
        return self.predictions(model, x, y).success(self.target_map)
