"""docs/models.md matches the bundled weights."""

from __future__ import annotations

import pytest

from benchmarks.models import PAGE
from securemnist._util.resources import WEIGHTS
from securemnist.models import loading
from securemnist.models.weight_file import read_manifest


@pytest.mark.parametrize("name", loading.reference_names())
def test_models_page_matches_weights(name: str) -> None:
    """Each bundled model has its results there, measured on the weights of its manifest."""
    page = PAGE.read_text()
    assert f"| `{name}` |" in page
    assert f"## `{name}`" in page
    assert read_manifest(WEIGHTS / f"{name}.safetensors")["sha256"] in page
