"""Doubts on data other than MNIST say that their limits were not chosen on them."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from securemnist.data import DataSet
from securemnist.evaluation.calibration import UNCALIBRATED
from securemnist.evaluation.context import Context
from securemnist.evaluation.doubts import prediction_doubts
from securemnist.models.loading import from_model
from tests.stubs import FunctionModel


def noisy(x: torch.Tensor) -> torch.Tensor:
    """Logits that differ from one call to the next."""
    return torch.randn(len(x), 10)


@pytest.mark.parametrize("pinned", [True, False])
def test_doubt_on_other_data_is_uncalibrated(pinned: bool, mnist: DataSet) -> None:
    """The reason of a doubt names the missing calibration on other data, and on MNIST it does not."""
    data = dataclasses.replace(mnist, test=mnist.test[:200])
    data = data if pinned else dataclasses.replace(data, digests={})
    assert data.pinned == pinned
    doubts = prediction_doubts(Context(from_model(FunctionModel(noisy), name="noisy"), data))
    assert doubts
    assert all((UNCALIBRATED in doubt.reason) != pinned for doubt in doubts)
