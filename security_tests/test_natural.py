"""Natural robustness: does the model stay right under changes that no adversary makes?"""

import pytest


@pytest.mark.measure("corruption_accuracy")
def test_corruption_accuracy(requirement, security_judge, security_record):
    """Samples are classified correctly under noise, blur, weather and other corruptions, on average."""
    security_record(security_judge(requirement))


@pytest.mark.measure("spatial_accuracy")
def test_spatial_accuracy(requirement, security_judge, security_record):
    """Samples keep their class in every pose that is tried: rotated and moved."""
    security_record(security_judge(requirement))


@pytest.mark.measure("calibration_error")
def test_calibration_error(requirement, security_judge, security_record):
    """The model is as often right as its confidence says."""
    security_record(security_judge(requirement))


@pytest.mark.measure("outlier_auroc")
def test_outlier_auroc(requirement, security_judge, security_record):
    """Images that are none of the task get lower scores than test samples."""
    security_record(security_judge(requirement))


@pytest.mark.measure("outlier_false_positives")
def test_outlier_false_positives(requirement, security_judge, security_record):
    """Few images that are none of the task pass where 95 % of the test samples do."""
    security_record(security_judge(requirement))


@pytest.mark.measure("worst_corruption_accuracy")
def test_worst_corruption_accuracy(requirement, security_judge, security_record):
    """The kind of corruption with the lowest accuracy meets its threshold, too."""
    security_record(security_judge(requirement))
