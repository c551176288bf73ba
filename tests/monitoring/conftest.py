"""A reference of the small streams' distribution."""

from __future__ import annotations

import pytest

from securemnist.monitoring import Reference
from tests.monitoring.streams import stream


@pytest.fixture(scope="session")
def reference() -> Reference:
    """The reference of 1,000 images of one channel."""
    return Reference.of(*stream(1_000, seed=1))
