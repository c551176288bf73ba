"""Certified robustness: for how many samples is it proved that no perturbation changes the class?"""

import pytest


@pytest.mark.measure("certified_accuracy")
def test_certified_accuracy(requirement, security_judge, security_record):
    """Samples provably keep their class for every perturbation within eps."""
    security_record(security_judge(requirement))


@pytest.mark.measure("certified_l2")
def test_certified_l2(requirement, security_judge, security_record):
    """Smoothed by noise, the model keeps the class within an L2 radius, but for the stated alpha."""
    security_record(security_judge(requirement))
