"""Replay: stored adversarial examples tried again, before any attack has to find them.

What broke one version of a model often breaks the next. A replayed success is a witness as any other:
the referee decides in the threat of the row, whatever the examples were made for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from securemnist.evaluation.examples import Examples
from securemnist.referee import rule
from securemnist.threats import Threat
from securemnist.types import Images, Labels


@dataclass(frozen=True)
class Replay:
    """Sets of stored examples; as a stage of the ladder it knows its digits by their places."""

    sets: tuple[Examples, ...]
    name: ClassVar[str] = "replay"
    # It proposes nothing that the referee has not let pass.
    keeps_budget: ClassVar[bool] = True

    def __len__(self) -> int:
        """Examples in all sets together."""
        return sum(map(len, self.sets))

    def __call__(
        self, model: torch.nn.Module, places: torch.Tensor, x: Images, y: Labels, threat: Threat
    ) -> Images:
        """For each digit the first stored image within `threat` that breaks it, else the digit itself.

        `places` int64 (n,) are those of the digits `x` (n, 1, 28, 28) in the test set.
        """
        proposals, standing = x.clone(), np.ones(len(x), bool)
        for stored in self.sets:
            digits, rows = _matched(places.cpu().numpy(), stored.places, standing)
            if not len(digits):
                continue
            at = torch.from_numpy(digits).to(x.device)
            images = torch.from_numpy(stored.images[rows]).to(x.device)
            ruling = rule(model, x[at], y[at], images, norm=threat.norm, eps=threat.eps)
            proposals[at[ruling.fooled]] = images[ruling.fooled]
            standing[digits[ruling.fooled.cpu().numpy()]] = False
        return proposals


def joined(replays: Sequence[Replay]) -> Replay:
    """All their sets, in this order."""
    return Replay(tuple(stored for replay in replays for stored in replay.sets))


def _matched(
    asked: np.ndarray, stored: np.ndarray, standing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Digits that still stand and are stored, and the rows they are stored in."""
    rows = np.searchsorted(stored, asked).clip(max=max(len(stored) - 1, 0))
    known = standing & (stored[rows] == asked) if len(stored) else np.zeros(len(asked), bool)
    digits = np.flatnonzero(known)
    return digits, rows[digits]
