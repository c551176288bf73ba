"""Poisoning: were training images given a trigger and a wrong label?"""

import pytest


@pytest.mark.measure("poisoned_share")
def test_poisoned_share(requirement, security_judge, security_record):
    """No group of training images has wrong labels and one feature in common."""
    security_record(security_judge(requirement))
