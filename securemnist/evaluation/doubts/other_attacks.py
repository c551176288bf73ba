"""Weak attack: another attack, and a cheap one, breaks what the row says survived."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch
from torch import nn

from securemnist.attacks.base import Attack
from securemnist.attacks.boundary_fab import BoundaryFAB
from securemnist.attacks.fab import FAB
from securemnist.attacks.pgd import PGD
from securemnist.attacks.square import Square
from securemnist.evaluation.doubts.check_input import SearchCase
from securemnist.evaluation.refereed import attempt
from securemnist.models import loading
from securemnist.results.findings import Doubt

ATTACKS = (
    PGD(steps=20, loss="margin"),
    FAB(steps=10, targets=2),
    BoundaryFAB(steps=30, starts=2),
    # The smallest ladder has a hundred queries; what hides its gradient takes several times as many.
    Square(queries=500),
)
LIMIT = 0.01
# With the gradients of reference models: an undefended one, and one that withstands its own.
TRANSFER = PGD(steps=10, loss="margin")


def weak_attack(case: SearchCase) -> Doubt | None:
    """Cheap attacks of other kinds together break survivors that are more than 1 % of the row's digits.

    A little is normal: on honest networks one attack finds what another does not.
    """
    standing = torch.ones(len(case.y), dtype=torch.bool, device=case.y.device)
    took: list[str] = []
    for name, attack, source in _others(case):
        places = standing.nonzero().squeeze(1)
        if not len(places):
            break
        x, y, rng = case.x[places], case.y[places], case.rng("weak attack", name)
        judge = case.subject.model
        _, ruling = attempt(attack, source, judge, x, y, threat=case.threat, rng=rng)
        standing[places[ruling.fooled]] = False
        if bool(ruling.fooled.any()):
            took.append(f"{name} {int(ruling.fooled.sum())}")
        if case.matters(int((~standing).sum()), len(standing), LIMIT):
            return Doubt(
                name="weak attack",
                reason=f"of {len(standing)} digits that the row says survived, cheap attacks break "
                f"{int((~standing).sum())} ({', '.join(took)})",
                advice='Measure with the ladder (no `attack`, or attack = { use = "ladder" }), or add '
                "these attacks to the row's.",
            )
    return None


def _others(case: SearchCase) -> Iterator[tuple[str, Attack, nn.Module]]:
    """Cheap attacks of other kinds, the cheapest first, and whose gradients each of them uses."""
    for name in loading.with_role("transfer"):
        yield f"transfer from {name}", TRANSFER, _source(name, case.x.device)
    for attack in ATTACKS:
        yield attack.name, attack, case.model


@functools.cache
def _source(name: str, device: torch.device) -> nn.Module:
    return loading.resolve(name, device=str(device)).model
