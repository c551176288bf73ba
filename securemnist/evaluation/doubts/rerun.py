"""The row's attacks run again by a check, refereed, and shortened where they are a ladder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from securemnist.attacks.base import Attack
from securemnist.attacks.refereed import attempt
from securemnist.evaluation.ladders import BUDGETS
from securemnist.threats import Threat
from securemnist.types import Images, Labels


def smallest_ladder(attacks: Sequence[Attack]) -> Sequence[Attack]:
    """A single attack unchanged; for a ladder, the smallest one, which has the same kinds of stages.

    A larger budget would find at least as many examples.
    """
    return attacks if len(attacks) == 1 else BUDGETS["smoke"].attacks


def surviving_after(
    attacks: Sequence[Attack],
    model: nn.Module,
    x: Images,
    y: Labels,
    threat: Threat,
    rng: torch.Generator,
    pool: Images | None,
) -> torch.Tensor:
    """Boolean (n,): images that survive the attacks, run one after the other."""
    surviving = torch.ones(len(y), dtype=torch.bool, device=y.device)
    for attack in smallest_ladder(attacks):
        places = surviving.nonzero().squeeze(1)
        if not len(places):
            break
        _, ruling = attempt(
            attack, model, model, x[places], y[places], threat=threat, rng=rng, pool=pool
        )
        surviving[places[ruling.fooled]] = False
    return surviving
