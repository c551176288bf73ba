"""The page of a comparison in a browser: narrow and wide, light and dark, accessible, silent."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from securemnist.comparison import files
from securemnist.comparison.comparison import compare
from tests.browser import Visit, assert_fits
from tests.comparison.builders import TODAY, assessment, robust
from tests.comparison.test_files import every_word

LONG = "models/digit-reader-convnet-c-interval-bounds-2026-11-21-release-candidate-3.safetensors"


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


def test_long_file_names_have_the_width_of_a_telephone(browser: Any, tmp_path: Path) -> None:
    """The record has a line for each version there: a name of 88 characters takes three lines at most."""
    more = {"spec": LONG, "recipe": {"optimiser": {"name": "Adam", "rate": 0.001}}}
    plain = [assessment(robust("...1"), digest=digest) for digest in ("old", "new")]
    sides = [dataclasses.replace(side, subject={**side.subject, **more}) for side in plain]
    files.write(compare(*sides, today=TODAY), tmp_path)
    with Visit(browser, tmp_path / "compare.html", 390) as visit:
        row = visit.page.locator("tr", has=visit.page.get_by_role("rowheader", name="spec"))
        cells = [cell.bounding_box() for cell in row.locator("td:not(:empty)").all()]
        assert [cell["x"] for cell in cells] == [cells[0]["x"]] * 2
        assert all(cell["height"] < 75 for cell in cells)
        assert visit.page.get_by_role("rowheader", name="recipe optimiser rate").count() == 1
