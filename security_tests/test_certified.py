"""For how many digits is it proved that no small perturbation changes what the model reads?"""

import pytest


@pytest.mark.measure("certified_accuracy")
def test_certified_accuracy(requirement, judge, record):
    """Digits keep their class everywhere in the ball, by proof and against any attack."""
    finding = record(judge(requirement))
    assert finding.passed, finding
