"""Certified robustness: for how many samples is it proved that no perturbation changes the class?"""

import pytest


@pytest.mark.measure("certified_accuracy")
def test_certified_accuracy(requirement, security_judge, security_record):
    """Samples provably keep their class for every perturbation within eps."""
    security_record(security_judge(requirement))
