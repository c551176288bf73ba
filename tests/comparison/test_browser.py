"""The page of a comparison in a browser: narrow and wide, light and dark, accessible, silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from securemnist.comparison import files
from tests.browser import Visit, assert_fits
from tests.comparison.test_files import every_word


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a comparison with every word."""
    folder = tmp_path_factory.mktemp("comparison")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GITHUB_STEP_SUMMARY", raising=False)
        files.write(every_word(), folder)
    return folder / "compare.html"


def test_the_comparison_fits_and_is_silent(browser: Any, comparison: Path) -> None:
    """No sideways scrolling, no message, no request; axe finds nothing with everything unfolded."""
    assert_fits(browser, comparison)


def test_the_answer_is_on_the_first_screen(browser: Any, comparison: Path) -> None:
    """Whether the new version may replace the old one is seen without scrolling, on a telephone, too."""
    with Visit(browser, comparison, 360, "light") as visit:
        assert visit.page.locator("#answer").bounding_box()["y"] < 900
