"""Rows of calibration_error: its numbers, its interval and what it refuses."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

import securemnist as sm
from securemnist.errors import PolicyError
from securemnist.measures import bind
from securemnist.measures.calibration import expected_error
from securemnist.report.figures import exhibits
from securemnist.results.evidence.natural import CalibrationEvidence
from securemnist.results.findings import Measurement, Requirement, Verdict
from securemnist.types import Images, Labels, Logits
from tests.stubs import FunctionModel

NAME = "calibration_error"


def sure(confidence: float) -> Any:
    """A model that answers the first pixel's class with this confidence."""
    distance = float(np.log(confidence / (1 - confidence)))

    def answer(x: Images) -> Logits:
        one = (x[:, 0, 0, 0] > 0.5).float() * distance
        return torch.stack([distance - one, one], 1)

    return answer


def images(n: int = 200, right: float = 0.8) -> tuple[Images, Labels]:
    """Images (n, 1, 8, 8) whose first pixel is that of the label for this share."""
    labels = torch.arange(n) % 2
    shown = torch.where(torch.arange(n) < round(right * n), labels, 1 - labels)
    x = torch.zeros((n, 1, 8, 8))
    x[:, 0, 0, 0] = shown.float()
    x[:, 0, 4, 4] = torch.linspace(0, 1, n)  # no two are copies
    return x, labels


def measured(answer: Any, data: Any = None, **settings: Any) -> Measurement:
    """A measurement of a function."""
    return sm.measure(
        NAME, FunctionModel(answer), data or images(), progress=False, **settings
    ).result


def verdict(measurement: Measurement, at_most: float) -> Verdict:
    """The verdict of a row."""
    return (
        Requirement(id="C", measure=NAME, because="-", at_most=at_most).judge(measurement).verdict
    )


@pytest.mark.parametrize("score", ["ece", "brier"])
def test_probabilities_count_as_they_are(score: str) -> None:
    """A model that ends in softmax has the error of its logits."""
    logits = sure(0.99)
    both = [measured(answer, score=score) for answer in (logits, lambda x: logits(x).softmax(1))]
    assert both[0].value == pytest.approx(both[1].value, abs=1e-6)


@pytest.mark.parametrize("confidence", [0.8, 0.99, 0.6])
def test_the_error_is_the_distance_of_confidence_and_accuracy(confidence: float) -> None:
    """A model that is right for 80 % is calibrated at a confidence of 0.8, and at no other."""
    measurement = measured(sure(confidence))
    assert measurement.value == pytest.approx(abs(confidence - 0.8), abs=1e-6)
    assert verdict(measurement, 0.1) is (Verdict.PASS if confidence == 0.8 else Verdict.FAIL)
    brier = measured(sure(confidence), score="brier")
    assert brier.value == pytest.approx(0.8 * (1 - confidence) ** 2 + 0.2 * confidence**2, abs=1e-6)
    again = json.loads(json.dumps(measurement.to_json()))
    assert Measurement.from_json(again) == measurement


def test_a_sample_is_decided_by_its_bound() -> None:
    """Of a part of the test set the upper end of the interval has to meet the threshold."""
    part, whole = measured(sure(0.8), images=150), measured(sure(0.8))
    assert (part.complete, whole.complete) == (False, True)
    assert part.low <= part.value <= part.high
    assert part.high > 0.04
    assert verdict(part, 0.04) is not Verdict.PASS
    assert verdict(whole, 0.04) is Verdict.PASS
    assert measured(sure(0.8), images=150, seed=0).high == part.high


def test_errors_of_both_signs_do_not_cancel() -> None:
    """Bins that are too sure and bins that are too cautious both count."""
    confidence = np.array([0.6] * 100 + [0.9] * 100)
    right = np.array([1.0] * 90 + [0.0] * 10 + [1.0] * 60 + [0.0] * 40)
    assert expected_error(confidence, right, 15) == pytest.approx(0.3)
    order = np.random.default_rng(0).permutation(200)
    assert expected_error(confidence[order], right[order], 15) == pytest.approx(0.3)


def test_the_report_draws_the_reliability() -> None:
    """Bins stand in a picture with their table; both scores are named."""
    row = Requirement(id="C", measure=NAME, because="-", at_most=0.5)
    measurement = measured(sure(0.9))
    (exhibit,) = exhibits(row.judge(measurement))
    assert exhibit.table is not None
    assert exhibit.table.rows == (("0.9000", "0.8000", "200"),)
    assert isinstance(measurement.evidence, CalibrationEvidence)
    assert "Brier" in exhibit.caption


@pytest.mark.parametrize("settings", [{"bins": 1}, {"score": "nll"}, {"bins": 15.0}], ids=str)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    """Unknown scores and too few bins are refused."""
    with pytest.raises(PolicyError):
        bind(NAME, settings)
