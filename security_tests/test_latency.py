"""Latency: how long does inference take, relative to a reference network on the same machine?"""

import pytest


@pytest.mark.measure("latency_ratio")
def test_latency_ratio(requirement, security_judge, security_record, benchmark, security_forward):
    """Inference takes at most the allowed multiple of the reference network's time."""
    finding = security_judge(requirement)
    if finding.measurement is not None:
        benchmark.pedantic(security_forward(requirement), rounds=10, warmup_rounds=1)
    security_record(finding)
