"""The built site."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.documentation import site as builder


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, built strictly from the pages of the checkout."""
    out = tmp_path_factory.mktemp("built") / "site"
    builder.build(out)
    return out
