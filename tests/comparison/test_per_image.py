"""What the measures record of every image explains their value."""

from __future__ import annotations

from typing import Any

import pytest

from securemnist.comparison.per_image import read
from securemnist.evaluation.context import Context
from securemnist.measures import MEASURES, bind, take_measurement
from securemnist.results.findings import Requirement
from tests.backdoor.conftest import few_control_images  # noqa: F401

CORNER = {"kind": "corner", "size": 4, "value": 1.0, "corner": "bottom_right"}
THREAT = {"norm": "linf", "eps": 0.1}
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("clean_accuracy", {"images": 300}),
    ("worst_class_accuracy", {"images": 300}),
    ("attack_accuracy", {"images": 64, "threat": THREAT, "attack": {"use": "FGSM"}}),
    ("robust_accuracy", {"images": 8, "threat": THREAT, "attack": {"use": "PGD", "steps": 3}}),
    ("certified_accuracy", {"images": 8, "threat": {"norm": "linf", "eps": 0.01}}),
    ("backdoor_success", {"images": 200, "trigger": CORNER, "target": 7}),
    ("backdoor_success", {"images": 200, "trigger": CORNER, "target": "all"}),
    ("backdoor_success", {"images": 200, "trigger": CORNER, "target": "next"}),
    ("backdoor_success", {"images": 200, "trigger": CORNER, "target": "pair"}),
]


@pytest.mark.parametrize(("measure", "settings"), ROWS, ids=lambda v: v if type(v) is str else "")
def test_images_add_up_to_the_value(
    context: Context, measure: str, settings: dict[str, Any]
) -> None:
    """A real measurement's matrix gives its value again, and names the images' places."""
    row = Requirement(id="R", measure=measure, because="of it", at_least=0.5, settings=settings)
    taken = take_measurement(context, measure, bind(measure, settings), 0)
    matrix = read(row.judge(taken, family=MEASURES[measure].family))
    assert matrix is not None
    assert matrix.value == pytest.approx(taken.value)
    labels = context.data.test.labels[matrix.places].tolist()
    assert matrix.labels.tolist() == labels
