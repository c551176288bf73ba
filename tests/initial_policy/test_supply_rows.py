"""First rows of the supply chain: which values their waivers permit."""

from __future__ import annotations

import dataclasses

import pytest

from securemnist.initial_policy import supply_rows
from securemnist.initial_policy.proposals import PROPOSALS
from securemnist.measures import supply_chain
from securemnist.results.evidence.supply_chain import SupplyCheck

FAILED = SupplyCheck(name="lock", place=".", expected="a lock", found="none", holds=False)


@pytest.mark.parametrize(("at_most", "worst"), [(0, 1.0), (1, None)])
def test_a_waived_count_may_not_grow(at_most: int, worst: float | None) -> None:
    """The waiver permits today's count. A bound that the count meets needs no waiver."""
    proposal = next(each for each in PROPOSALS if each.measure == "unpinned_dependencies")
    measurement = supply_chain.counted([FAILED], "the project")
    bound = supply_rows.bound(dataclasses.replace(proposal, at_most=at_most), measurement)
    assert bound.worst == worst
    assert bool(bound.problem) is (worst is not None)
