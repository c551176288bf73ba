"""What the measures record of every image explains their value."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import nn

from securemnist.comparison.change import Word
from securemnist.comparison.per_image import events_of
from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import MEASURES, bind, take_measurement
from securemnist.models.loading import from_model
from securemnist.results.findings import Finding, Requirement
from tests.comparison.builders import change, codes, robust

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


@pytest.fixture(scope="module")
def context(mnist: DataSet) -> Context:
    """A network of the nearest mean image, which errs on every fifth, and 400 images."""
    train = mnist.train[:2_000]
    x = train.images().flatten(1)
    means = torch.stack([x[train.labels == k].mean(0) for k in range(10)])
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    net[1].weight.data, net[1].bias.data = 2 * means, -means.square().sum(1)
    # Not under the digests of MNIST: then its reference models are no controls.
    few = dataclasses.replace(mnist, name="few", test=mnist.test[:400], digests={})
    return Context(from_model(net, name="means"), few)


@pytest.mark.parametrize(("measure", "settings"), ROWS, ids=lambda v: v if type(v) is str else "")
def test_images_add_up_to_the_value(
    context: Context, measure: str, settings: dict[str, Any]
) -> None:
    """A real measurement's matrix gives its value again, and names the images' places."""
    row = Requirement(id="R", measure=measure, because="of it", at_least=0.5, settings=settings)
    taken = take_measurement(context, measure, bind(measure, settings), 0)
    matrix = events_of(row.judge(taken, family=MEASURES[measure].family))
    assert matrix is not None
    assert matrix.value == pytest.approx(taken.value)
    labels = context.data.test.labels[matrix.places].tolist()
    assert matrix.labels.tolist() == labels


def random_answers(value: float) -> Finding:
    """A robustness row of this mean of several answers; its outcomes are those of one of them."""
    ends = {"value": value, "low": value - 0.01, "high": value + 0.01, "complete": False}
    one = robust(codes(range(4_500)), measured=ends)
    assert one.measurement is not None
    drawn = dataclasses.replace(one.measurement.evidence, answers_per_image=4)
    return dataclasses.replace(
        one, measurement=dataclasses.replace(one.measurement, evidence=drawn)
    )


def test_random_answers_are_compared_by_their_intervals() -> None:
    """No outcomes give a mean of several answers, and yet two versions are comparable."""
    better = change(random_answers(0.50), random_answers(0.56))
    assert (better.word, better.paired) == (Word.BETTER, "unpaired, from the two intervals")
