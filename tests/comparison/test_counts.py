"""Limits on new findings of rows that count: what is new has to be known."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from securemnist.measures.base import count_measurement
from securemnist.results.evidence.base import Evidence, OtherEvidence
from securemnist.results.evidence.service import ServiceCheck, ServiceEvidence
from securemnist.results.evidence.supply_chain import SupplyChainEvidence
from securemnist.results.findings import Finding, Verdict
from tests.comparison.builders import changed, compared, latency


@pytest.mark.parametrize(("new", "verdict"), [(("b", "c"), Verdict.FAIL), (("a",), Verdict.PASS)])
def test_new_violations_of_a_service_are_counted(new: tuple[str, ...], verdict: Verdict) -> None:
    """A control that did hold, and holds no more, is newly broken; one that never held is not."""

    def service(broken: Sequence[str]) -> Finding:
        checks = [
            ServiceCheck(
                name=name, expected="429", found=f"{len(broken)} ms", holds=name not in broken
            )
            for name in "abc"
        ]
        one = count_measurement(len(broken), 3, seed=0, evidence=ServiceEvidence(checks=checks))
        row = changed(latency(1.0), measure="service_violations", max_newly_broken=1).requirement
        return dataclasses.replace(row, at_most=3.0).judge(one, family="service")

    assert compared(service("a"), service(new)).changes[0].verdict is verdict


@pytest.mark.parametrize("evidence", [SupplyChainEvidence(), OtherEvidence()], ids=str)
def test_a_count_without_its_places_does_not_meet_a_limit_on_new_ones(evidence: Evidence) -> None:
    """Days, or a count of a measure of one's own: what is new is not known, so nothing passes."""
    row = changed(latency(1.0), measure="of_ones_own", max_newly_broken=1).requirement
    row = dataclasses.replace(row, at_most=99.0)
    sides = [row.judge(count_measurement(k, 1, seed=0, evidence=evidence)) for k in (1, 90)]
    (change,) = compared(*sides).changes
    assert (change.verdict, change.broken) == (Verdict.INCONCLUSIVE, None)
    assert "bound it by max_drop" in str(change)
