"""docs/models.md speaks of the weights that are bundled."""

from __future__ import annotations

import pytest

from benchmarks.models import PAGE
from securemnist import subjects
from securemnist.artifacts import read_manifest
from securemnist.resources import WEIGHTS


@pytest.mark.parametrize("name", subjects.reference_names())
def test_the_page_is_about_these_weights(name: str) -> None:
    """Each bundled model has its figures there, measured on the weights of its manifest."""
    page = PAGE.read_text()
    assert f"| `{name}` |" in page
    assert f"## `{name}`" in page
    assert read_manifest(WEIGHTS / f"{name}.safetensors")["sha256"] in page
