"""Counts of requests, and what leaves a row undecided."""

from __future__ import annotations

import pytest

from securemnist.endpoint.query_budget import Counts


@pytest.mark.parametrize(
    ("counts", "undecided"),
    [
        (Counts(attempts=10_000), ""),
        (Counts(attempts=10_000, failed=50, throttled=50), ""),
        (Counts(attempts=10_000, failed=80, throttled=80), "more than 1%"),
        (Counts(attempts=10, failed=1), ""),
        (Counts(attempts=10, failed=3), "more than 1%"),
        (Counts(attempts=10_000, failed=6, unanswered=1), "1 queries got no answer"),
    ],
    ids=range(6),
)
def test_what_leaves_a_row_undecided(counts: Counts, undecided: str) -> None:
    """Repeated requests count above 1 % of the attempts; an image without an answer always does."""
    assert undecided in counts.problem
    assert bool(counts.problem) == bool(undecided)
