"""APGD with many restarts for the samples closest to the decision boundary after one run.

On a rugged loss surface a sample may break from few of many random starts, and a longer run does not
help. A high DLR after one run singles such samples out (a test holds one). Restarts for these alone
cost as much as a few restarts for all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import torch

from securemnist.attacks.apgd import search_of
from securemnist.attacks.base import AttackInput, NativeAttack
from securemnist.attacks.losses import dlr
from securemnist.attacks.targeted_search import TargetedSearch
from securemnist.attacks.validation import attack_name, check_counts, check_shares
from securemnist.types import Images, Progress


@final
@dataclass(frozen=True, kw_only=True)
class NearestAPGD(NativeAttack):
    """APGD on DLR (arXiv 2003.01690): one start for all, `restarts` more for a `share` of the samples.

    Those are the survivors with the highest DLR. `share` is a fraction of all samples, in (0, 1].
    """

    steps: int = 100
    restarts: int = 40
    share: float = 0.1

    def __post_init__(self) -> None:
        check_counts(steps=self.steps, restarts=self.restarts)
        check_shares(share=self.share)

    def _run(self, inputs: AttackInput, progress: Progress) -> Images:
        first = _dlr_search(inputs, self.steps, 1)
        x_adv = first.run(self.name, progress)
        near = self._nearest(first)
        again = _dlr_search(inputs.of(near), self.steps, self.restarts)
        x_adv[near] = again.run(self.name, progress)
        return x_adv

    def _nearest(self, search: TargetedSearch[Any]) -> torch.Tensor:
        """Indices of the samples that get the restarts, the nearest first."""
        survivors = (~search.broken).nonzero().squeeze(1)
        order = search.highest_loss[survivors, 0].argsort(descending=True, stable=True)
        return survivors[order[: math.ceil(self.share * len(search.broken))]]

    @property
    def name(self) -> str:
        return attack_name("APGD-N", self.steps, self.restarts)

    def passes(self) -> float:
        return (self.steps + 1) * (1 + self.restarts * self.share)


def _dlr_search(inputs: AttackInput, steps: int, restarts: int) -> TargetedSearch[Any]:
    return search_of(steps, restarts, inputs, dlr, inputs.y[:, None])
