"""Privacy: what do the answers tell about the training data?"""

import pytest


@pytest.mark.measure("membership_auroc")
def test_membership_auroc(requirement, security_judge, security_record):
    """Scores do not tell training images from test images."""
    security_record(security_judge(requirement))
