"""Defences: what is left of a defence under an attack that knows it?"""

import pytest


@pytest.mark.measure("defended_accuracy")
def test_defended_accuracy(requirement, security_judge, security_record):
    """Samples keep their class behind the defence, under attacks that go through it."""
    security_record(security_judge(requirement))


@pytest.mark.measure("false_robustness")
def test_false_robustness(requirement, security_judge, security_record):
    """Few samples withstand an attack only because it does not know the defence."""
    security_record(security_judge(requirement))
