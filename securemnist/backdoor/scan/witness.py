"""Witness of a backdoor: a found perturbation, and what it does to images that the search did not use."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from securemnist.backdoor.scan.perturbation import Perturbation
from securemnist.backdoor.success_rate import Predictions, Success, TargetMap
from securemnist.types import Images, Labels, Logits

_PART = 250


@torch.no_grad()
def logits_of(model: nn.Module, x: Images) -> Logits:
    """Logits (n, K) float32 on the CPU."""
    return torch.cat([model(part).float() for part in x.split(_PART)]).cpu()


@dataclass(frozen=True)
class Witness:
    """A perturbation with one place, and the map of classes that it was searched for."""

    perturbation: Perturbation
    target_map: TargetMap

    @torch.no_grad()
    def triggered(self, x: Images) -> Images:
        """Copies of images (n, C, H, W) with the perturbation, in [0, 1]."""
        self.perturbation.to(x.device)
        return torch.cat([self.perturbation.apply(part[None])[0] for part in x.split(_PART)])

    def success(self, model: nn.Module, x: Images, y: Labels) -> Success:
        """The images of other classes that it steers to the target."""
        clean, triggered = logits_of(model, x), logits_of(model, self.triggered(x))
        return Predictions.of(y.cpu(), clean, triggered).success(self.target_map)
