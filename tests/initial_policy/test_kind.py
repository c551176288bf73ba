"""Epsilons, triggers and rows that fit the kind of the data."""

from __future__ import annotations

import datetime
import re

import pytest
import torch

from securemnist import initial_policy, measures
from securemnist.backdoor import make_trigger
from securemnist.backdoor.success_rate import invisible_reason
from securemnist.data import DataSet
from securemnist.initial_policy import margins, measured
from securemnist.initial_policy.kind import kind_of
from securemnist.initial_policy.measured import measure, proposals
from securemnist.measures.base import share_measurement
from securemnist.models.loading import from_model
from securemnist.results import policy
from tests.stubs import FunctionModel


def data_of(shape: tuple[int, ...], classes: int, *, n: int = 300, shift: float = 0.0) -> DataSet:
    """Noise of middle brightness, whose mean is the class by parity; `shift` makes it brighter."""
    rng = torch.Generator().manual_seed(1)
    labels = torch.arange(n) % classes
    noise = 0.3 + shift + 0.2 * torch.rand((n, *shape), generator=rng)
    return DataSet.from_tensors(noise + 0.1 * labels.view(-1, 1, 1, 1) / classes, labels)


def test_epsilons_are_those_usual_for_the_data(mnist: DataSet) -> None:
    """Strokes get 0.3 and less, natural images 8/255 and less, colour an L2 row, too."""
    strokes, grey, colour = (
        kind_of(mnist),
        kind_of(data_of((1, 16, 16), 4)),
        kind_of(data_of((3, 16, 16), 4)),
    )
    assert strokes.linf[:3] == (0.3, 0.2, 0.1)
    # A level of 8 bits: below it no changed image can be sent to an endpoint.
    assert strokes.linf[-1] == grey.linf[-1] == 1 / 255
    assert grey.linf[:3] == colour.linf[:3] == (8 / 255, 4 / 255, 2 / 255)
    assert (strokes.l2, grey.l2, colour.l2) == (None, None, 0.5)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 12, 20), (1, 64, 64)])
@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_trigger_fits_and_is_visible(shape: tuple[int, int, int], shift: float) -> None:
    """The proposed trigger fits the images and changes dark and bright ones."""
    data = data_of(shape, 4, shift=shift)
    trigger = make_trigger(kind_of(data).trigger)
    trigger.check_fits(*shape)
    x = data.test.images()
    assert not invisible_reason(x, trigger(x))
    assert float((trigger(x) - x).abs().amax()) > 0.4


def test_mnist_keeps_its_trigger(mnist: DataSet) -> None:
    """The proposals for MNIST are the bundled ones: a white corner of four pixels."""
    assert proposals(mnist) == list(initial_policy.PROPOSALS)


def test_pairs_of_classes_need_samples() -> None:
    """The row of all pairs is proposed only where a class has fifty test samples."""
    for classes, wanted in ((4, True), (10, False)):
        ids = [p.id for p in proposals(data_of((1, 8, 8), classes))]
        assert ("BACKDOOR-02" in ids) == wanted
    uneven = data_of((1, 8, 8), 4)
    uneven.test.labels[uneven.test.labels == 3] = 0
    assert "BACKDOOR-02" not in [p.id for p in proposals(uneven)]


def test_least_thresholds_follow_the_classes() -> None:
    """An accuracy promises more than guessing, and a backdoor rate less than one class of all."""
    assert [margins.meaningful(k) for k in (2, 10, 100)] == [0.75, 0.5, 0.5]
    failing = share_measurement(200, 500, complete=False, seed=0)
    for classes, most in ((2, 0.1), (100, 0.01)):
        bound = margins.of_share(failing, 500, whole=True, high_is_good=False, classes=classes)
        assert bound.threshold == most
        assert bound.problem


def halves(x: torch.Tensor) -> torch.Tensor:
    """Logits (n, 2) of the mean brightness of the images."""
    mean = x.flatten(1).mean(1) - 0.425
    return torch.stack([-mean, mean], 1) * 40


def test_data_without_training_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test split is measured where there is no other, the policy says so and fits the data."""
    data = data_of((1, 8, 8), 2)
    monkeypatch.setattr(measured, "PROPOSALS", initial_policy.PROPOSALS[:3])
    subject = from_model(FunctionModel(halves), name="halves", input_spec=data.spec)
    rows = measure(subject, data, 100)
    today = datetime.datetime.now(datetime.UTC).date()
    text = initial_policy.policy(rows, "halves", data, today)
    assert "because there are no training samples" in text
    assert "The data are grey images" in text
    assert "test samples" in text
    read = policy.parse(text, "p")
    measures.check_policy(read)
    measures.check_data(read, data)
    assert all(row.threshold >= 0.75 for row in read.requirements)
    assert re.search('eps = "[1248]/255"', text)
