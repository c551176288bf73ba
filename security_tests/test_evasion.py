"""Can an adversary who sees the weights change what the model reads, by a small perturbation?"""

import pytest


@pytest.mark.measure("attack_accuracy")
def test_attack_accuracy(requirement, security_judge, security_record):
    """Digits keep their class under this one attack, which never stands alone where it is one-step."""
    security_record(security_judge(requirement))


@pytest.mark.measure("robust_accuracy")
def test_robust_accuracy(requirement, security_judge, security_record):
    """Digits keep their class against a search for the worst perturbation within the threat."""
    security_record(security_judge(requirement))
