"""Clean accuracy: does the model classify unmodified samples correctly?"""

import pytest


@pytest.mark.measure("clean_accuracy")
def test_clean_accuracy(requirement, security_judge, security_record):
    """Unmodified test samples are classified correctly."""
    security_record(security_judge(requirement))


@pytest.mark.measure("worst_class_accuracy")
def test_worst_class_accuracy(requirement, security_judge, security_record):
    """The class with the lowest accuracy meets its threshold, too."""
    security_record(security_judge(requirement))
