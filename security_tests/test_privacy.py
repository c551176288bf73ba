"""Privacy: what do the answers tell about the training data, and about the model?"""

import pytest


@pytest.mark.measure("membership_auroc")
def test_membership_auroc(requirement, security_judge, security_record):
    """Scores do not tell training images from test images."""
    security_record(security_judge(requirement))


@pytest.mark.measure("extraction_agreement")
def test_extraction_agreement(requirement, security_judge, security_record):
    """A copy trained on the answers does not agree with the model."""
    security_record(security_judge(requirement))
