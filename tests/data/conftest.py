"""A folder with the small data set, and a cache for one test."""

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


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test alone."""
    monkeypatch.setenv("SECUREMNIST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
