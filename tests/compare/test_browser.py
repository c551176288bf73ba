"""The page of a comparison in a browser: narrow and wide, light and dark, accessible, silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from securemnist.compare import files
from tests.compare.test_files import made
from tests.report.test_browser import Visit, browser, pytestmark  # noqa: F401


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a comparison with every word."""
    folder = tmp_path_factory.mktemp("comparison")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GITHUB_STEP_SUMMARY", raising=False)
        files.write(made(), folder)
    return folder / "compare.html"


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1600, "dark")])
def test_the_comparison_fits_and_is_silent(
    browser: Any,  # noqa: F811
    comparison: Path,
    tmp_path: Path,
    width: int,
    scheme: str,
) -> None:
    """No sideways scrolling, no message, no request; axe finds nothing with everything unfolded."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    visit = Visit(browser, comparison, width, scheme)
    assert visit.page.locator("#answer").bounding_box()["y"] < 900
    visit.open_everything()
    visit.screenshot(f"compare-{width}-{scheme}", tmp_path)
    assert visit.overflow() == 0
    assert visit.messages == []
    asked = [url for url in visit.requests if not url.startswith("data:")]
    assert asked == [comparison.as_uri()]
    results = axe.Axe().run(visit.page)
    assert results.violations_count == 0, results.generate_report()
    visit.page.close()
