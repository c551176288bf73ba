"""The row's search as the doubts use it: shortened where it is a ladder, refereed as always."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from securemnist.attacks.base import Attack
from securemnist.evaluation.ladders import BUDGETS
from securemnist.evaluation.refereed import attempt
from securemnist.threats import Threat
from securemnist.types import Images, Labels


def brisk(attacks: Sequence[Attack]) -> Sequence[Attack]:
    """One attack as it is; of several the smallest ladder, which has the same kinds of stages.

    What the small ladder finds the row's would have found, too.
    """
    return attacks if len(attacks) == 1 else BUDGETS["smoke"].attacks


def left_by(
    attacks: Sequence[Attack],
    model: nn.Module,
    x: Images,
    y: Labels,
    threat: Threat,
    rng: torch.Generator,
) -> torch.Tensor:
    """Boolean (n,): the digits that the attacks, one after the other, leave standing."""
    left = torch.ones(len(y), dtype=torch.bool, device=y.device)
    for attack in brisk(attacks):
        places = left.nonzero().squeeze(1)
        if not len(places):
            break
        _, ruling = attempt(attack, model, model, x[places], y[places], threat=threat, rng=rng)
        left[places[ruling.fooled]] = False
    return left
