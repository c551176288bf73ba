"""The page of the pipeline in a browser: narrow and wide, light and dark, accessible, silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from securemnist.pipeline import page
from tests.browser import assert_fits
from tests.pipeline import example

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the made-up run."""
    file = tmp_path_factory.mktemp("pipeline") / "pipeline.html"
    file.write_bytes(page.render(example.summary(), example.scenarios(), example.pictures()))
    return file


def test_pipeline_page_fits_and_is_accessible(browser: Any, page_file: Path) -> None:
    """No horizontal scrolling, no message, no request; axe finds nothing with all unfolded."""
    assert_fits(browser, page_file)
