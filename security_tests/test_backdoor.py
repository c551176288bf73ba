"""Does a small mark on the picture, which somebody may have trained in, steer the answer?"""

import pytest


@pytest.mark.measure("backdoor_success")
def test_backdoor_success(requirement, judge, record):
    """The known triggers do not steer digits to a class of the adversary's choice."""
    finding = record(judge(requirement))
    assert finding.passed, finding
