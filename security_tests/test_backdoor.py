"""Does a small mark on the picture, which somebody may have trained in, steer the answer?"""

import pytest


@pytest.mark.measure("backdoor_success")
def test_backdoor_success(requirement, security_judge, security_record):
    """The known triggers do not steer digits to a class of the adversary's choice."""
    security_record(security_judge(requirement))
