"""Does the model read unmodified digits?"""

import pytest


@pytest.mark.measure("clean_accuracy")
def test_clean_accuracy(requirement, security_judge, security_record):
    """Unmodified test digits are read as their label."""
    security_record(security_judge(requirement))


@pytest.mark.measure("worst_class_accuracy")
def test_worst_class_accuracy(requirement, security_judge, security_record):
    """No class is left behind: the one that is read worst still meets its threshold."""
    security_record(security_judge(requirement))
