"""The page of the threats in a browser: every width, both colour schemes, accessibility."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from securemnist import report
from securemnist.report import threats
from tests.browser import Visit, assert_fits
from tests.threat_model.test_page import of_policy

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the bundled rows, one of which fails."""
    folder = tmp_path_factory.mktemp("threats")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GITHUB_STEP_SUMMARY", raising=False)
        report.write(of_policy("SERVICE-07"), folder)
    return folder


def test_the_page_of_threats_fits_and_is_accessible(browser: Any, folder: Path) -> None:
    """No sideways scrolling, no message, no request; axe finds nothing with all unfolded."""
    assert_fits(browser, folder / threats.PAGE)


def test_the_section_of_threats_fits(browser: Any, folder: Path) -> None:
    """The report with its matrix is no wider than its window, and axe finds nothing in the section."""
    assert_fits(browser, folder / "index.html", part="#threat-model")


def test_a_link_of_the_matrix_opens_its_threat(browser: Any, folder: Path) -> None:
    """A click on a red cell of the report leads to the failing threat."""
    visit = Visit(browser, folder / "index.html", 1024, "light")
    visit.page.locator("#threat-model td.fail a").first.click()
    assert visit.page.url.endswith("threats.html#threat-R-01")
    assert visit.page.locator("#threat-R-01[open] .badge.fail").is_visible()
    visit.context.close()
