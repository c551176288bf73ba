"""How long does an answer take, beside a fixed piece of work on the same machine?"""

import pytest


@pytest.mark.measure("latency_ratio")
def test_latency_ratio(requirement, judge, record, benchmark, forward):
    """An answer costs no more than the allowed multiple of network A's, timed in turn."""
    finding = record(judge(requirement))
    benchmark.pedantic(forward(requirement), rounds=10, warmup_rounds=1)
    assert finding.passed, finding
