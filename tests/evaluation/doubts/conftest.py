"""A small network that the tests of doubts share."""

from __future__ import annotations

import pytest
from torch import nn

from securemnist.data import DataSet
from tests.evaluation.doubts import networks


@pytest.fixture(scope="session")
def honest(mnist: DataSet) -> nn.Module:
    """An undefended network of two convolutions, which impostors and noise wrap."""
    return networks.plain(mnist, 0, networks.few_channels)
