"""What the measures of the supply chain share: paths of their settings, counts and thresholds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from securemnist.measures.base import Measure, count_measurement
from securemnist.results.evidence.supply_chain import SupplyChainEvidence, SupplyCheck
from securemnist.results.families import SUPPLY_CHAIN
from securemnist.results.findings import Measurement

MOST = 1e4


def inside(path: str) -> str:
    """The path; ValueError for one that leads out of the project's folder."""
    outside = os.path.isabs(path) or os.path.normpath(path).split(os.sep)[0] == os.pardir
    if outside or not path or "\0" in path:
        raise ValueError(f"expected a path inside the project's folder, got {path!r:.80}")
    return path


def counted(
    checks: Sequence[SupplyCheck],
    about: str,
    *,
    began: float,
    seed: int,
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
        began=began,
        seed=seed,
        evidence=SupplyChainEvidence(checks=ordered, about=about),
    )


def measure(run: Any, settings: Any, *, seconds: float, most: float = MOST) -> Measure:
    """A measure of the family that counts what is wrong; a threshold of `most` could not fail."""
    return Measure(
        run,
        settings,
        SUPPLY_CHAIN,
        lambda *_: seconds,
        good="at_most",
        limits=(0.0, most),
        unit="count",
    )
