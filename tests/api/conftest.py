"""Images and a policy for calls of the library."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import securemnist as sm
from tests.api.rows import ATTACK, CLEAN, SEARCH


@pytest.fixture(scope="session")
def images(mnist: sm.DataSet) -> tuple[torch.Tensor, torch.Tensor]:
    """A hundred test images and their labels."""
    return mnist.test[:100].images(), mnist.test[:100].labels


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """Three rows: two of the standard tier, one of the full one."""
    path = tmp_path / "policy.toml"
    path.write_text(CLEAN + ATTACK + SEARCH)
    return path
