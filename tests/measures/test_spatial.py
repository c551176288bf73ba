"""Rows of spatial_accuracy: the grid is enumerated, and a pass on it is a proof."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
import torch

import securemnist as sm
from securemnist.comparison import per_image
from securemnist.data import DataSet
from securemnist.errors import PolicyError
from securemnist.evaluation.context import Context
from securemnist.evaluation.poses import grid, posed
from securemnist.measures import bind, take_measurement
from securemnist.report.figures import exhibits
from securemnist.results.evidence.natural import SpatialEvidence
from securemnist.results.findings import Measurement, Requirement, Verdict
from securemnist.types import Images, Labels, Logits
from tests.error_form import one_sentence
from tests.stubs import FunctionModel

NAME = "spatial_accuracy"
SMALL = {"rotation": 10.0, "translation": 1.0, "rotations": 3, "shifts": 3}


def left_or_right(x: Images) -> Logits:
    """Logits (n, 2): class 1 where the right half is the brighter one; a dark image is a tie."""
    half = x.shape[3] // 2
    left, right = x[..., :half].sum((1, 2, 3)), x[..., half:].sum((1, 2, 3))
    return torch.stack([left, right], 1)


def spots(n: int = 120, column: int = 3) -> tuple[Images, Labels]:
    """Images (n, 1, 16, 16) with a square left or right of the middle, `column` pixels from it."""
    labels = torch.arange(n) % 2
    x = torch.zeros((n, 1, 16, 16))
    for k, label in enumerate(labels.tolist()):
        start = 8 + column if label else 8 - column - 2
        x[k, 0, 7:9, start : start + 2] = 0.5 + k / n / 2  # no two are copies
    return x, labels


def measured(answer: Any = left_or_right, data: Any = None, **settings: Any) -> Measurement:
    """A measurement of a function on the spots."""
    found = sm.measure(NAME, FunctionModel(answer), data or spots(), progress=False, **settings)
    return found.result


def judge(measurement: Measurement, at_least: float = 0.9) -> Any:
    """The finding of a row."""
    return Requirement(id="S", measure=NAME, because="-", at_least=at_least).judge(measurement)


def test_all_poses_of_a_grid_are_a_proof() -> None:
    """A model that is right in every pose passes as proved, on a sample by the bound of its share."""
    found = judge(measured(**SMALL))
    assert found.label == "PASS (proved)"
    assert found.measurement.certified == 1
    part = measured(images=100, **SMALL)
    assert judge(part, 0.95).label == "PASS (proved)"
    assert judge(part, 0.99).verdict is Verdict.INCONCLUSIVE


def test_one_pose_that_breaks_an_image_is_found() -> None:
    """A pose that moves spots across the middle, or out of the image, breaks them, and is named."""
    far = {"rotation": 10.0, "translation": 6.0, "rotations": 3, "shifts": 3}
    found = judge(measured(**far))
    assert found.verdict is Verdict.FAIL
    assert found.measurement.value == 0
    evidence = found.measurement.evidence
    assert isinstance(evidence, SpatialEvidence)
    assert evidence.poses == 27
    assert {image.broken_by for image in evidence.posed_gallery or ()} == {
        "turned -10, moved -6 down, -6 right"
    }


def test_the_number_is_that_of_every_pose_alone(context: Context) -> None:
    """Early stops change nothing: the share is that of images that are right in all poses."""
    settings = {"images": 30, "rotation": 20.0, "translation": 2.0, "rotations": 3, "shifts": 3}
    measurement = take_measurement(context, NAME, bind(NAME, settings), 1)
    sample = context.sample(30, 1)
    right = torch.ones(30, dtype=torch.bool)
    alone = {}
    for pose in grid(20, 2, 3, 3):
        answers = context.logits(posed(sample.x, torch.tensor([pose]))).argmax(1) == sample.y
        right &= answers
        alone[pose] = float(answers.double().mean())
    assert 0 < measurement.value < 1
    assert measurement.value == pytest.approx(float(right.double().mean()))
    assert isinstance(measurement.evidence, SpatialEvidence)
    curve = {point.degrees: point.accuracy for point in measurement.evidence.rotation_curve or ()}
    assert curve == pytest.approx(
        {pose.degrees: a for pose, a in alone.items() if not any(pose[1:])}
    )
    again = json.loads(json.dumps(measurement.to_json()))
    assert Measurement.from_json(again).value == measurement.value


def test_a_tie_is_broken() -> None:
    """A model of equal logits is right in no pose."""
    measurement = measured(lambda x: torch.zeros(len(x), 2) + 0 * x.sum(), **SMALL)
    assert measurement.value == 0
    assert judge(measurement).verdict is Verdict.FAIL


def test_random_poses_prove_nothing() -> None:
    """The worst of ten is no better than one pose, and a pass is none of a proof."""
    worst, one = (measured(poses=poses, translation=5.0) for poses in ("worst_of_10", "random"))
    assert worst.value <= one.value
    assert worst.certified is one.certified is None
    easy = [measured(poses=p, rotation=5.0, translation=1.0) for p in ("worst_of_10", "random")]
    assert [judge(measurement).label for measurement in easy] == ["PASS (survived)", "PASS"]


def test_a_randomised_model_has_no_proof() -> None:
    """Answers that are random on purpose are decided by the bound; undeclared they decide nothing."""

    def noisy(x: Images) -> Logits:
        return left_or_right(x) + 0.01 * torch.rand(len(x), 2)

    declared = measured(noisy, randomised=True, **SMALL)
    assert (declared.certified, declared.complete) == (None, False)
    assert judge(declared).label == "PASS"
    assert judge(measured(noisy, **SMALL)).verdict is Verdict.INCONCLUSIVE


def test_versions_are_compared_by_image() -> None:
    """The stored outcomes give the value of the row."""
    found = judge(measured(data=spots(column=0), **SMALL))
    matrix = per_image.events_of(found)
    assert matrix is not None
    assert matrix.value == found.measurement.value < 1
    odd = dataclasses.replace(found.measurement, value=0.123, low=0.0, certified=0.0)
    with pytest.raises(per_image.Inconsistent):
        per_image.events_of(dataclasses.replace(found, measurement=odd))


def test_the_report_draws_the_curve(mnist: DataSet, context: Context) -> None:
    """Accuracy by angle with its table, and images in the pose that broke them."""
    settings = {"images": 20, "rotation": 30.0, "translation": 0.0, "rotations": 5, "shifts": 1}
    measurement = take_measurement(context, NAME, bind(NAME, settings), 0)
    curve, *_ = exhibits(judge(measurement))
    assert curve.table is not None
    assert [row[0] for row in curve.table.rows] == ["-30", "-15", "0", "15", "30"]
    assert curve.panels[0].picture.count("<circle") == 5


@pytest.mark.parametrize(
    "settings",
    [
        {"rotation": 0.0, "translation": 0.0},
        {"rotations": 30},
        {"shifts": 4},
        {"rotation": 0.0},
        {"rotations": 1},
        {"translation": 0.0},
        {"rotations": 721, "shifts": 99},
        {"rotation": 181.0},
        {"translation": -1.0},
        {"poses": "worst_of_5"},
        {"angle": 3},
    ],
    ids=str,
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    """Grids without the unmodified image, without poses or of too many are refused in a sentence."""
    with pytest.raises(PolicyError) as caught:
        bind(NAME, settings)
    one_sentence(caught.value)
