"""Convergence: twice the steps from new starts still break more."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from securemnist.attacks.base import Attack
from securemnist.evaluation.doubts.case import SearchCase
from securemnist.findings import Doubt
from securemnist.referee import rule

SEEDS, LIMIT = 2, 0.005
# Passes of a search that is doubled; a ladder has such a stage, and all of it doubled costs hours.
_PASSES = 60


def convergence(case: SearchCase) -> Doubt | None:
    """Two new seeds with doubled steps break survivors worth more than half a point of the number."""
    search = longer(case.attacks)
    if search is None or not case.differentiable:
        return None
    left = torch.ones(len(case.y), dtype=torch.bool, device=case.y.device)
    for seed in range(SEEDS):
        x, y = case.x[left], case.y[left]
        if not len(y):
            break
        proposals = search(case.model, x, y, threat=case.threat, rng=case.rng("convergence", seed))
        ruling = rule(
            case.subject.model, x, y, proposals, norm=case.threat.norm, eps=case.threat.eps
        )
        left[left.nonzero().squeeze(1)[ruling.fooled]] = False
    broken = int((~left).sum())
    if not case.matters(broken, len(left), LIMIT):
        return None
    return Doubt(
        name="convergence",
        reason=f"{search.name} with {SEEDS} new seeds breaks {broken} of {len(left)} digits that the row "
        "says survived",
        advice="Give the attack more steps or restarts until the number stays.",
    )


def longer(attacks: Sequence[Attack]) -> Attack | None:
    """The search with twice the steps: of several the longest still short one; None without steps."""
    stepped = [
        attack
        for attack in attacks
        if not attack.one_step and type(getattr(attack, "steps", None)) is int
    ]
    if not stepped:
        return None
    short = [attack for attack in stepped if attack.passes() <= _PASSES]
    chosen = (
        max(short, key=lambda a: a.passes()) if short else min(stepped, key=lambda a: a.passes())
    )
    return dataclasses.replace(chosen, steps=2 * getattr(chosen, "steps"))  # type: ignore[call-arg] # noqa: B009
