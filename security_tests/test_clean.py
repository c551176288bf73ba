"""Does the model read unmodified digits?"""

import pytest


@pytest.mark.measure("clean_accuracy")
def test_clean_accuracy(requirement, judge, record):
    """Unmodified test digits are read as their label."""
    finding = record(judge(requirement))
    assert finding.passed, finding


@pytest.mark.measure("worst_class_accuracy")
def test_worst_class_accuracy(requirement, judge, record):
    """No class is left behind: the one that is read worst still meets its threshold."""
    finding = record(judge(requirement))
    assert finding.passed, finding
