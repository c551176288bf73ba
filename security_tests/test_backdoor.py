"""Backdoor: does a known trigger change the predicted class?"""

import pytest


@pytest.mark.measure("backdoor_success")
def test_backdoor_success(requirement, security_judge, security_record):
    """Known triggers do not change predictions to the adversary's target class."""
    security_record(security_judge(requirement))


@pytest.mark.measure("backdoor_scan")
def test_backdoor_scan(requirement, security_judge, security_record):
    """No search finds an unknown trigger."""
    security_record(security_judge(requirement))
