"""A folder with a small data set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.small import (
    small_set,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small data set, plain files."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, content in small_set().items():
        (folder / name).write_bytes(content)
    return folder
