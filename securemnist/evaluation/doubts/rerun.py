"""The row's attacks run again by a check, refereed, and shortened where they are a ladder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import nn

from securemnist.attacks.base import Attack
from securemnist.attacks.refereed import attempt
from securemnist.evaluation.ladders import budgets
from securemnist.threats import Threat
from securemnist.types import Images, Labels


def shortened(
    attacks: Sequence[Attack], rng: torch.Generator, threat: Threat
) -> Iterator[tuple[Attack, torch.Generator]]:
    """A single attack unchanged; for a ladder, the smallest one, which has the same kinds of stages.

    For sparse threats and patches `standard`: a smaller one misses a few pixels of many. A larger budget
    would find at least as many examples.
    """
    dense = threat.form == "ball" and not threat.sparse
    ladder = budgets(threat.form)["smoke" if dense else "standard"]
    answers_only = all(attack.black_box for attack in attacks)
    chosen = attacks if len(attacks) == 1 or answers_only else ladder.attacks
    return ((attack, rng) for attack in chosen)


def surviving_after(
    runs: Iterable[tuple[Attack, torch.Generator]],
    model: nn.Module,
    x: Images,
    y: Labels,
    threat: Threat,
    *,
    judge: nn.Module,
    pool: Images | None,
) -> torch.Tensor:
    """Boolean (n,): images that survive attacks on `model`, one after the other, ruled on by `judge`."""
    surviving = torch.ones(len(y), dtype=torch.bool, device=y.device)
    for attack, rng in runs:
        places = surviving.nonzero().squeeze(1)
        if not len(places):
            break
        _, ruling = attempt(
            attack, model, judge, x[places], y[places], threat=threat, rng=rng, pool=pool
        )
        surviving[places[ruling.fooled]] = False
    return surviving
