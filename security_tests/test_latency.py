"""How long does an answer take, beside a fixed piece of work on the same machine?"""

import pytest


@pytest.mark.measure("latency_ratio")
def test_latency_ratio(requirement, security_judge, security_record, benchmark, security_forward):
    """An answer costs no more than the allowed multiple of network A's, timed in turn."""
    finding = security_judge(requirement)
    if finding.measurement is not None:
        benchmark.pedantic(security_forward(requirement), rounds=10, warmup_rounds=1)
    security_record(finding)
