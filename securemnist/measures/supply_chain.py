"""What the measures of the supply chain share: counts and thresholds."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from securemnist.measures.base import count_measurement, counting
from securemnist.results.evidence.supply_chain import SupplyChainEvidence, SupplyCheck
from securemnist.results.families import SUPPLY_CHAIN
from securemnist.results.findings import Measurement

# A measure of the family, by its function, its settings and its seconds.
measure = functools.partial(counting, SUPPLY_CHAIN)
of_project = functools.partial(measure, of_project=True)


def check(name: str, place: str, expected: str, wrong: str) -> SupplyCheck:
    """A check that holds where nothing is `wrong`, so that the expected is found."""
    return SupplyCheck(name, place, expected, wrong or expected, not wrong)


def counted(
    checks: Sequence[SupplyCheck],
    about: str,
    *,
    count: int | None = None,
    n: int | None = None,
) -> Measurement:
    """The number of checks that do not hold, or `count`, with all of them as evidence.

    `n`: what was looked at, by default the number of checks.
    """
    ordered = sorted(checks, key=lambda check: check.holds)
    return count_measurement(
        sum(not check.holds for check in checks) if count is None else count,
        len(checks) if n is None else n,
        evidence=SupplyChainEvidence(checks=ordered, about=about),
    )
