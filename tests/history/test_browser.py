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


@pytest.mark.parametrize("width", [360, 1024])
def test_trend_chart_of_two_versions_begins_at_the_left(
    browser: Any, tmp_path: Path, width: int
) -> None:
    """A chart that is narrower than its place begins where its caption begins."""
    entries = history(tmp_path / "h.jsonl", version("0a" * 20, 500), version("0b" * 20, 600))
    path = tmp_path / "history.html"
    path.write_bytes(trend.render(entries))
    with Visit(browser, path, width, "light") as visit:
        figure = visit.page.locator(".charts figure").first
        boxes = [figure.locator(part).bounding_box() for part in ("figcaption", "svg")]
        assert boxes[0]["x"] == pytest.approx(boxes[1]["x"], abs=2)
