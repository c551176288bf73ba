"""A small control: nine reference models otherwise take most of the time of a measurement."""

from __future__ import annotations

import pytest

from securemnist.measures import backdoor


@pytest.fixture(autouse=True)
def few_control_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference models read 50 images, not 500."""
    monkeypatch.setattr(backdoor, "CONTROL_IMAGES", 50)
