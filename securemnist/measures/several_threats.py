"""What the searches of a row within its threats say together."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from securemnist.evaluation.stages import Search
from securemnist.results.evidence.attack import Sensitivity, StageResult
from securemnist.results.findings import Doubt
from securemnist.threats import Threat

Doubts = Sequence[Doubt]


def once(threats: Sequence[Threat], doubts: Sequence[Doubts]) -> tuple[Doubt, ...]:
    """The doubts of each threat, every name once; of several threats the reason names its own."""
    found: dict[str, Doubt] = {}
    for threat, stated in zip(threats, doubts, strict=False):  # a check may have had no answer
        for doubt in stated:
            reason = f"within {threat}: {doubt.reason}" if len(threats) > 1 else doubt.reason
            found.setdefault(doubt.name, dataclasses.replace(doubt, reason=reason))
    return tuple(found.values())


def together(found: Sequence[Sensitivity | None]) -> Sensitivity | None:
    """Planted examples of all threats, and those that were found; None where none was tested."""
    tested = [one for one in found if one is not None]
    if not tested:
        return None
    return Sensitivity(sum(one.found for one in tested), sum(one.planted for one in tested))


def last_stage(stages: Sequence[StageResult], search: Search) -> StageResult:
    """The stage of the last attack of a search; proofs and stages for hidden gradients may follow it."""
    name = search.attacks[-1].name
    return next(one for one in stages if one.stage in (name, f"{search.threat}: {name}"))
