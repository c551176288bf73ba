"""The end of a search whose verdict is certain."""

from __future__ import annotations

from collections.abc import Callable

from securemnist.evaluation.context import Sample
from securemnist.evaluation.outcomes import Outcomes
from securemnist.measures.threat_settings import AttackSettings
from securemnist.results.intervals import share_interval


def decided(settings: AttackSettings, sample: Sample) -> Callable[[Outcomes], bool]:
    """Whether the number is already certain to lie on one side of `until`.

    Survivors become fewer and certified images more, so the verdict equals that of a full run.
    """
    until, n = settings.until, len(sample)

    def certain(outcomes: Outcomes) -> bool:
        if until is None or settings.randomised:
            return False
        least, most = outcomes.certified, outcomes.unbroken
        if sample.complete:
            return least / n >= until or most / n < until
        return share_interval(least, n)[0] >= until or share_interval(most, n)[1] < until

    return certain
