"""Service: does a service of the model withstand hostile clients?"""

import pytest


@pytest.mark.measure("service_violations")
def test_service_violations(requirement, security_judge, security_record):
    """Every check of the control holds, of a service that is running."""
    security_record(security_judge(requirement))
