"""Weak attack: cheap attacks of other kinds break survivors of the row's attack."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from securemnist.attacks.base import Attack
from securemnist.attacks.boundary_fab import BoundaryFAB
from securemnist.attacks.fab import FAB
from securemnist.attacks.onward import OnwardPGD
from securemnist.attacks.patch_search import PatchSearch
from securemnist.attacks.pgd import PGD
from securemnist.attacks.refereed import attempt
from securemnist.attacks.sparse_rs import SparseRS
from securemnist.attacks.square import Square
from securemnist.attacks.transfer import source_model
from securemnist.evaluation.doubts.check_input import SearchCase
from securemnist.models import loading
from securemnist.results.findings import Doubt

ATTACKS = (
    PGD(steps=20, loss="margin"),
    FAB(steps=10, targets=2),
    # Outputs may mislead all of these with true gradients.
    OnwardPGD(),
    BoundaryFAB(steps=30, starts=2),
    # The smallest ladder has 100 queries; a model that hides its gradient needs several times as
    # many.
    Square(queries=500, whole=True),
    PatchSearch(places=8, steps=20),
    SparseRS(queries=300),
)
LIMIT = 0.01
# On the gradients of reference models: an undefended network and an adversarially trained one.
TRANSFER = PGD(steps=10, loss="margin")


def weak_attack(case: SearchCase) -> Doubt | None:
    """Cheap attacks together break survivors that are more than 1 % of the row's images.

    On honest networks, too, one attack finds a few examples that another misses.
    """
    surviving = torch.ones(len(case.y), dtype=torch.bool, device=case.y.device)
    broken_by: list[str] = []
    limit = case.limit("weak attack", LIMIT)
    for name, attack, source in _other_attacks(case):
        places = surviving.nonzero().squeeze(1)
        if not len(places):
            break
        x, y, rng = case.x[places], case.y[places], case.rng("weak attack", name)
        judge = case.subject.model
        _, ruling = attempt(
            attack, source, judge, x, y, threat=case.threat, rng=rng, pool=case.pool
        )
        surviving[places[ruling.fooled]] = False
        if bool(ruling.fooled.any()):
            broken_by.append(f"{name} {int(ruling.fooled.sum())}")
        if case.matters(int((~surviving).sum()), len(surviving), limit):
            return Doubt(
                name="weak attack",
                reason=f"of {len(surviving)} images that survived the row's attack, cheap attacks break "
                f"{int((~surviving).sum())} ({', '.join(broken_by)})",
                advice='Measure with the ladder (no `attack`, or attack = { use = "ladder" }), or add '
                "these attacks to the row's.",
            )
    return None


def _other_attacks(case: SearchCase) -> Iterator[tuple[str, Attack, nn.Module]]:
    """Name, attack and source model of the gradients; the cheapest first."""
    for name in loading.with_role("transfer") if case.transfer else ():
        yield f"transfer from {name}", TRANSFER, source_model(name, case.x.device)
    for attack in ATTACKS if case.subject.remote is None else ():
        if case.threat.form in attack.forms:
            label = f" ({attack.loss})" if isinstance(attack, PGD) else ""
            yield attack.name + label, attack, case.model
