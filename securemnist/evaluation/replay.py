"""Replay of stored adversarial examples, as the first stage of a ladder.

Examples that broke one version of a model often break the next. The referee checks each one within
the threat of the row, whatever threat it was made for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from securemnist.attacks import on_levels
from securemnist.evaluation.examples import Examples
from securemnist.referee import Ruling, rule
from securemnist.threats import Threat
from securemnist.types import Images, Labels


@dataclass(frozen=True)
class Replay:
    """Sets of stored examples; as a ladder stage it identifies test images by their places."""

    sets: tuple[Examples, ...]
    name: ClassVar[str] = "replay"
    # Every proposal has passed the referee already.
    keeps_budget: ClassVar[bool] = True

    def __len__(self) -> int:
        """Number of examples in all sets."""
        return sum(map(len, self.sets))

    def __call__(
        self, model: torch.nn.Module, places: torch.Tensor, x: Images, y: Labels, threat: Threat
    ) -> tuple[Images, Ruling]:
        """For each image the first stored example within `threat` that breaks it, else the image itself.

        `places` int64 (n,) are the places of `x` (n, C, H, W) in the test set. The ruling is on the
        returned images.
        """
        proposals, unbroken = x.clone(), np.ones(len(x), bool)
        levels = getattr(model, "levels", None)  # of an endpoint that reads bytes
        for stored in self.sets:
            matched, rows = _matched(places.cpu().numpy(), stored.places, unbroken)
            if not len(matched):
                continue
            indices = torch.from_numpy(matched).to(x.device)
            images = torch.from_numpy(stored.images[rows]).to(x.device)
            if levels is not None:
                images = on_levels.snapped(x[indices], images, threat, levels)
            ruling = rule(model, x[indices], y[indices], images, norm=threat.norm, eps=threat.eps)
            proposals[indices[ruling.fooled]] = images[ruling.fooled]
            unbroken[matched[ruling.fooled.cpu().numpy()]] = False
        return proposals, rule(model, x, y, proposals, norm=threat.norm, eps=threat.eps)


def _matched(
    places: np.ndarray, stored: np.ndarray, unbroken: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the unbroken images that have a stored example, and the rows of those examples."""
    rows = np.searchsorted(stored, places).clip(max=max(len(stored) - 1, 0))
    matched = unbroken & (stored[rows] == places) if len(stored) else np.zeros(len(places), bool)
    indices = np.flatnonzero(matched)
    return indices, rows[indices]
