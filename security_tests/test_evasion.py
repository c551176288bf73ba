"""Evasion: can a white-box adversary change the predicted class by a small perturbation?"""

import pytest


@pytest.mark.measure("attack_accuracy")
def test_attack_accuracy(requirement, security_judge, security_record):
    """Samples keep their class under this attack; a one-step attack also needs a robust_accuracy row."""
    security_record(security_judge(requirement))


@pytest.mark.measure("robust_accuracy")
def test_robust_accuracy(requirement, security_judge, security_record):
    """Samples keep their class under multi-step attacks within the threat."""
    security_record(security_judge(requirement))
