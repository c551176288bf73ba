"""Rows of latency_ratio: the images that are timed."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from securemnist.data import DataSet
from securemnist.evaluation.context import Context
from securemnist.measures import bind, take_measurement
from securemnist.models import loading

_SECONDS = 0.02  # much more than network A takes for an image


class EarlyExit(nn.Module):
    """Quick for one image alone, as a network that exits early where it is sure."""

    def __init__(self, sure: torch.Tensor) -> None:
        super().__init__()
        self.network, self.sure = loading.resolve("baseline").model, sure

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if bool((x != self.sure).any()):
            time.sleep(_SECONDS)
        return self.network(x)


class Store(nn.Module):
    """Quick for the images of the call before, whose answers it keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.network = loading.resolve("baseline").model
        self.asked, self.answer = torch.empty(0), torch.empty(0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not torch.equal(x, self.asked):
            time.sleep(_SECONDS)
            self.asked, self.answer = x.clone(), self.network(x)
        return self.answer.clone()


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row refuses to run among the tests of other workers; these differences are far larger."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


def ratio(network: nn.Module, data: DataSet, batch: int) -> float:
    """The latency ratio of a network to network A."""
    context = Context(loading.from_model(network, name="network"), data)
    settings = bind("latency_ratio", {"batch": batch, "rounds": 6})
    return take_measurement(context, "latency_ratio", settings, 0).value


def test_a_network_that_is_quick_for_the_first_test_image_alone_is_slow(mnist: DataSet) -> None:
    """The same image was timed again and again."""
    assert ratio(EarlyExit(mnist.test[:1].images()), mnist, 1) > 5


@pytest.mark.parametrize("batch", [1, 200])
def test_a_store_of_the_answers_to_the_call_before_saves_no_time(
    mnist: DataSet, batch: int
) -> None:
    """Consecutive calls ask about different images, also in large batches."""
    assert ratio(Store(), mnist, batch) > 0.7
