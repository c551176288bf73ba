"""Contexts of rows of the supply chain, for tests: one network, and the files of a folder."""

from __future__ import annotations

from typing import Any

from securemnist._util import resources
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.results import policy
from securemnist.results.evidence.supply_chain import SupplyChainEvidence, SupplyCheck
from securemnist.results.findings import Finding

BUNDLED = policy.load(resources.POLICY)


def judge(context: Context, measure: str, **settings: Any) -> Finding:
    """The bundled row of this measure, with changed settings."""
    (row,) = BUNDLED.rows(measure)
    bound = bind(measure, {**row.settings, **settings})
    return row.judge(take_measurement(context, measure, bound, row.seed), family="supply_chain")


def checks(found: Finding) -> list[SupplyCheck]:
    """The checks of a finding."""
    assert found.measurement is not None
    evidence = found.measurement.evidence
    assert isinstance(evidence, SupplyChainEvidence)
    return evidence.checks or []


def wrong(found: Finding) -> list[str]:
    """Names of the checks that do not hold."""
    return [check.name for check in checks(found) if not check.holds]
