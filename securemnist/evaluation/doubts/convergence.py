"""Convergence: more steps or queries from new starts still break survivors."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from securemnist.attacks.base import Attack
from securemnist.attacks.sparse_rs import SparseRS
from securemnist.attacks.square import Square
from securemnist.attacks.surrogate import Surrogate
from securemnist.attacks.through_steps import ThroughSteps
from securemnist.evaluation.doubts.check_input import SearchCase
from securemnist.evaluation.doubts.rerun import surviving_after
from securemnist.results.findings import Doubt

SEEDS, LIMIT = 2, 0.005
# Most passes of a search that is doubled; a whole ladder, doubled, would take hours.
_PASSES = 60
# Queries are expensive: they are doubled only where they broke more than this share, on few
# survivors.
LATE, FEW = 0.02, 32


def convergence(case: SearchCase) -> Doubt | None:
    """Two new seeds with doubled steps break survivors worth more than 0.5 points of the number.

    Queries are doubled with one new seed where they come last and broke more than 2 % of the
    images.
    """
    longer_search, longer_queries = doubled_steps(case.attacks), doubled_queries(case)
    doubt = None
    if longer_queries is not None:
        doubt = _doubt(case, longer_queries, 1, FEW)
    if doubt is None and longer_search is not None:
        doubt = _doubt(case, longer_search, SEEDS, len(case.y))
    return doubt


def _doubt(case: SearchCase, search: Attack, seeds: int, images: int) -> Doubt | None:
    """A doubt where the longer search breaks enough of the first `images` survivors."""
    runs = [(search, case.rng("convergence", seed)) for seed in range(seeds)]
    x, y, judge = case.x[:images], case.y[:images], case.subject.model
    surviving = surviving_after(runs, case.model, x, y, case.threat, judge=judge, pool=case.pool)
    broken = int((~surviving).sum())
    if not case.matters(broken, len(surviving), case.limit("convergence", LIMIT)):
        return None
    return Doubt(
        name="convergence",
        reason=f"{search.name} with {seeds} new seed{'s' * (seeds > 1)} breaks {broken} of "
        f"{len(surviving)} images that survived the row's attack",
        advice="Give the attack more steps, queries or restarts until the number stays.",
    )


def doubled_queries(case: SearchCase) -> Attack | None:
    """The last attack with twice the queries, if it counts them and broke many images; else None.

    Stages that follow for a model without useful gradients do not count: they end no search of queries.
    """
    own = [one for one in case.attacks if not isinstance(one, ThroughSteps | Surrogate)]
    last = own[-1] if own else None
    if not isinstance(last, Square | SparseRS) or case.last_broke <= LATE:
        return None
    return dataclasses.replace(last, queries=2 * last.queries)


def doubled_steps(attacks: Sequence[Attack]) -> Attack | None:
    """An attack with twice the effort: the longest of the short ones; None where none has a setting."""
    searches = [a for a in attacks if not a.one_step and a.longer() is not None]
    if not searches:
        return None
    short = [attack for attack in searches if attack.passes() <= _PASSES]
    chosen = (
        max(short, key=lambda a: a.passes()) if short else min(searches, key=lambda a: a.passes())
    )
    return chosen.longer()
