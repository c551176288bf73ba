"""Convergence: more steps or queries from new starts still break more."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from securemnist.attacks.base import Attack
from securemnist.attacks.square import Square
from securemnist.evaluation.doubts.check_input import SearchCase
from securemnist.evaluation.refereed import attempt
from securemnist.results.findings import Doubt

SEEDS, LIMIT = 2, 0.005
# Passes of a search that is doubled; a ladder has such a stage, and all of it doubled costs hours.
_PASSES = 60
# Queries are dear: they are doubled where they still broke this share of the digits, on few survivors.
LATE, FEW = 0.02, 32


def convergence(case: SearchCase) -> Doubt | None:
    """Two new seeds with doubled steps break survivors worth more than half a point of the number.

    Queries, where they come last and still broke 2 % of the digits, are doubled with one new seed.
    """
    search, queries = longer(case.attacks), more_queries(case)
    found = None
    if queries is not None:
        found = _doubt(case, queries, 1, FEW)
    if found is None and search is not None:
        found = _doubt(case, search, SEEDS, len(case.y))
    return found


def _doubt(case: SearchCase, search: Attack, seeds: int, digits: int) -> Doubt | None:
    """What a longer search breaks of the first `digits` survivors."""
    left = torch.ones(min(digits, len(case.y)), dtype=torch.bool, device=case.y.device)
    for seed in range(seeds):
        places = left.nonzero().squeeze(1)
        x, y = case.x[places], case.y[places]
        if not len(y):
            break
        rng = case.rng("convergence", seed)
        judge = case.subject.model
        _, ruling = attempt(search, case.model, judge, x, y, threat=case.threat, rng=rng)
        left[places[ruling.fooled]] = False
    broken = int((~left).sum())
    if not case.matters(broken, len(left), LIMIT):
        return None
    return Doubt(
        name="convergence",
        reason=f"{search.name} with {seeds} new seed{'s' * (seeds > 1)} breaks {broken} of {len(left)} "
        "digits that the row says survived",
        advice="Give the attack more steps, queries or restarts until the number stays.",
    )


def more_queries(case: SearchCase) -> Attack | None:
    """Twice the queries of a search that ends in queries and found much by them; None elsewhere."""
    last = case.attacks[-1]
    if not isinstance(last, Square) or case.last_broke <= LATE:
        return None
    return dataclasses.replace(last, queries=2 * last.queries)


def longer(attacks: Sequence[Attack]) -> Attack | None:
    """The search with twice its effort, of several the longest short one; None without a setting."""
    searches = [a for a in attacks if not a.one_step and a.longer() is not None]
    if not searches:
        return None
    short = [attack for attack in searches if attack.passes() <= _PASSES]
    chosen = (
        max(short, key=lambda a: a.passes()) if short else min(searches, key=lambda a: a.passes())
    )
    return chosen.longer()
