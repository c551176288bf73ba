"""APGD with many restarts for the digits that a first search brings nearest to the boundary.

Where a loss is rugged, a digit may fall from few of many random starts only, and a longer search finds it
no more often. Such digits stand out beforehand by the ratio that one search has reached; the tests keep
one. So the restarts are spent where they can pay, and cost as much as a few for all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import torch

from securemnist.attacks.active_batch import Search
from securemnist.attacks.apgd import APGD, Climb
from securemnist.attacks.base import Attack
from securemnist.attacks.losses import logit_ratios
from securemnist.attacks.validation import demand_counts, demand_shares, named
from securemnist.threats import Threat
from securemnist.types import Images, Labels, Model, Progress, silent


@final
@dataclass(frozen=True, kw_only=True)
class NearestAPGD(Attack):
    """APGD on DLR (arXiv 2003.01690): one start, and `restarts` more for the nearest `share` of digits.

    Near is what came closest to another class by DLR, which does not change with the scale of logits.
    """

    steps: int = 100
    restarts: int = 40
    share: float = 0.1

    def __post_init__(self) -> None:
        demand_counts(steps=self.steps, restarts=self.restarts)
        demand_shares(share=self.share)

    def propose(
        self,
        model: Model,
        x: Images,
        y: Labels,
        *,
        threat: Threat,
        rng: torch.Generator,
        progress: Progress = silent,
    ) -> Images:
        first = _climb(Search(model, x, y, threat, rng), self.steps, 1)
        proposals = first.run(self.name, progress)
        near = self._nearest(first)
        again = _climb(Search(model, x[near], y[near], threat, rng), self.steps, self.restarts)
        proposals[near] = again.run(self.name, progress)
        return proposals

    def _nearest(self, climb: Climb) -> torch.Tensor:
        """Places of the digits that get the restarts, the nearest first."""
        standing = (~climb.fallen).nonzero().squeeze(1)
        order = climb.reached[standing].argsort(descending=True, stable=True)
        return standing[order[: math.ceil(self.share * len(climb.fallen))]]

    @property
    def name(self) -> str:
        return named("APGD-N", self.steps, self.restarts)

    def passes(self) -> float:
        return (self.steps + 1) * (1 + self.restarts * self.share)


def _climb(search: Search, steps: int, restarts: int) -> Climb:
    attack = APGD(steps=steps, restarts=restarts, loss="dlr")
    return Climb(attack, search, logit_ratios, search.y[:, None])
