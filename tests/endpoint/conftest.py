"""A served model by brightness, described in each way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from securemnist.data import DataSet
from securemnist.endpoint.description import Description, described
from securemnist.endpoint.network import RemoteModel
from securemnist.input_spec import MNIST
from tests.endpoint.service import Service, by_brightness, serving

RANKED = {
    "request": '{"instances": {"$images": {"as": "list", "values": "float", "layout": "HWC"}}}',
    "scores": "$.predictions[*][*].score",
    "labels": "$.predictions[*][*].label",
}


@pytest.fixture
def service() -> Iterator[Service]:
    """A service whose class k is a brightness near k / 10."""
    with serving(Service(by_brightness)) as running:
        yield running


@pytest.fixture(scope="module")
def images() -> DataSet:
    """200 images of 8x8, of which the class is the brightness; a third of them near another class."""
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 10
    mean = (labels + 0.5 + rng.uniform(-0.4, 0.4, 200)) / 10
    x = np.clip(mean[:, None, None, None] + rng.uniform(-0.04, 0.04, (200, 1, 8, 8)), 0, 1)
    x = np.rint(x * 255) / 255
    labels = by_brightness(x).argmax(1)
    return DataSet.from_tensors(x.astype(np.float32), labels, classes=10, name="brightness")


def table(service: Service, **more: Any) -> Description:
    """A description with floats, a batch, and ranked labels with their scores."""
    base: dict[str, Any] = {"uri": f"{service.url}/json", **RANKED}
    return described(base | more, "test")


def png(service: Service, **more: Any) -> Description:
    """A description with one PNG a request, and a score by the name of each class."""
    names = [f"digit {k}" for k in range(10)]
    base: dict[str, Any] = {
        "uri": f"{service.url}/png",
        "request": '{"image": {"$image": {"as": "png", "prefix": "data:image/png;base64,"}}}',
        "scores": "$.result.scores",
        "classes": names,
    }
    if service.labels:
        base = {k: v for k, v in base.items() if k != "scores"} | {"labels": "$.label"}
    return described(base | more, "test")


def remote(description: Description) -> RemoteModel:
    """The network of a description, for digits."""
    return RemoteModel(description, MNIST)
