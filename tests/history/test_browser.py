"""The trend page in a browser: narrow and wide, light and dark, accessible, no console output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from securemnist.history import trend
from tests.browser import Visit, assert_fits
from tests.history.test_trend import history, version


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trend of more versions than a chart shows, up, down and below the threshold."""
    folder = tmp_path_factory.mktemp("history")
    versions = [version(f"{n:02x}" * 20, 500 + 37 * n % 500) for n in range(33)]
    entries = history(folder / "h.jsonl", *versions)
    (folder / "history.html").write_bytes(trend.render(entries))
    return folder / "history.html"


def test_trend_page_fits_and_is_accessible(browser: Any, page: Path) -> None:
    """No horizontal scrolling, no message, no request; axe finds nothing with all unfolded."""
    assert_fits(browser, page)


def test_trend_chart_shows_latest_commit_first(browser: Any, page: Path) -> None:
    """On a phone, a chart that is too wide shows the latest commit."""
    with Visit(browser, page, 360, "light") as visit:
        commits = visit.page.locator(".charts svg").first.locator("text[transform]")
        oldest, newest = commits.first.bounding_box(), commits.last.bounding_box()
        assert 0 < newest["x"] < 360
        assert oldest["x"] < 0
