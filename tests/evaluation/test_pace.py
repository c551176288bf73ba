"""The pace of a model, from which times are estimated."""

from __future__ import annotations

import time

import pytest
import torch

from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.evaluation.pace import Pace, measure_pace
from securemnist.measures.backdoor_scan import BACKDOOR_SCAN
from securemnist.models.loading import from_model
from securemnist.threats import Linf
from tests.small_network import small_network
from tests.stubs import FunctionModel


def test_model_without_gradients_has_a_pace(mnist: DataSet) -> None:
    """Of a model whose code leaves torch the forward pass is timed; no share of images is known."""

    def through_numpy(x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.01)
        return torch.from_numpy(x.numpy().mean((1, 2, 3), keepdims=True)[:, 0, 0] * [*range(10)])

    context = Context(from_model(FunctionModel(through_numpy), name="net"), mnist)
    pace = measure_pace(context, [Linf(0.1)])
    assert pace.seconds * 256 >= 3 * 0.01
    assert pace.by_threat == {}
    assert (pace.test_images, pace.classes) == (10_000, 10)
    known = measure_pace(Context(from_model(small_network(), name="net"), mnist), [Linf(0.1)])
    assert list(known.by_threat) == [str(Linf(0.1))]


def test_a_scan_of_more_classes_takes_longer() -> None:
    """The scan searches for each class: 101 searches instead of 11 take that many times as long."""
    few, many = (BACKDOOR_SCAN.estimate(None, Pace(classes=k)) for k in (10, 100))
    assert many / few == pytest.approx(101 / 11)
