"""For how many digits is it proved that no small perturbation changes what the model reads?"""

import pytest


@pytest.mark.measure("certified_accuracy")
def test_certified_accuracy(requirement, security_judge, security_record):
    """Digits keep their class everywhere in the ball, by proof and against any attack."""
    security_record(security_judge(requirement))
