"""Small splits of MNIST, with which networks train in a fraction of a second."""

from __future__ import annotations

import dataclasses

import pytest

from securemnist.data import DataSet


@pytest.fixture(scope="session")
def small(mnist: DataSet) -> DataSet:
    """256 training, 50 tuning and 120 test images, under the digests of MNIST."""
    return dataclasses.replace(
        mnist, train=mnist.train[:256], tuning=mnist.tuning[:50], test=mnist.test[:120]
    )
