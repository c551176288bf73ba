"""Can an adversary who sees the weights change what the model reads, by a small perturbation?"""

import pytest


@pytest.mark.measure("attack_accuracy")
def test_attack_accuracy(requirement, judge, record):
    """Digits keep their class under this one attack, which never stands alone where it is one-step."""
    finding = record(judge(requirement))
    assert finding.passed, finding


@pytest.mark.measure("robust_accuracy")
def test_robust_accuracy(requirement, judge, record):
    """Digits keep their class against a search for the worst perturbation within the threat."""
    finding = record(judge(requirement))
    assert finding.passed, finding
