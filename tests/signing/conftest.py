"""Fixtures of the tests of signatures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.signing.signed import write_model


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The weight file of the small model, beside its manifest."""
    return write_model(tmp_path / "net") / "net.safetensors"
