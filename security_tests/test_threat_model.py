"""Threat model: does a requirement test every threat?"""

import pytest


@pytest.mark.measure("uncovered_threats")
def test_uncovered_threats(requirement, security_judge, security_record):
    """No more threats than the row allows are without a row that tests them."""
    security_record(security_judge(requirement))
