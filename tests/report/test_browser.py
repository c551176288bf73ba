"""The page in a browser: every width, both colour schemes, paper, accessibility.

Skipped where there is no Chromium, unless SECUREMNIST_REQUIRE_BROWSER=1; screenshots go to the
folder that SECUREMNIST_SCREENSHOTS names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from securemnist import report
from securemnist.results.assessment import Assessment
from tests.report import example, hostile
from tests.report.browser import CHROMIUM, chromium

SCREENSHOTS = os.environ.get("SECUREMNIST_SCREENSHOTS")
REQUIRED = os.environ.get("SECUREMNIST_REQUIRE_BROWSER") == "1"
WIDTHS = (360, 1024, 1600)
SCHEMES = ("light", "dark")

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None and not REQUIRED, reason="Chromium is not installed"),
    pytest.mark.timeout(180),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    if not REQUIRED:
        pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with chromium() as driven:
        yield driven


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's report."""
    return _written(example.assessment(), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which every word is ten thousand letters and markup."""
    text = hostile.BREAKOUT + hostile.SCRIPT + hostile.LONG
    return _written(hostile.assessment(text), tmp_path_factory.mktemp("hostile"))


def _written(assessment: Assessment, folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GITHUB_STEP_SUMMARY", raising=False)
        report.write(assessment, folder)
    return folder / "index.html"


class Visit:
    """One opened page, with everything it said and asked for."""

    def __init__(self, browser: Any, file: Path, width: int, scheme: str) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(script))

    def open_everything(self) -> None:
        """Unfold all rows, tables and texts."""
        self.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

    def screenshot(self, name: str, *, whole: bool = True) -> None:
        """The whole page, or its first screen, as a picture, where somebody has asked for pictures.

        It proves nothing, so that a browser which cannot draw it just then fails no test.
        """
        if SCREENSHOTS:
            from playwright.sync_api import Error

            path = Path(SCREENSHOTS) / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.page.screenshot(path=path, full_page=whole)
            except Error as error:
                print(f"no picture {path}: {error}")

    def hold_to_axe(self, *, contrast: bool = True) -> None:
        """No rule of axe is broken. What passes is not listed: that would take half of the time.

        Most of the rest goes into contrast, word by word.
        """
        if not REQUIRED:
            pytest.importorskip("axe_playwright_python", reason="axe is not installed")
        from axe_playwright_python import sync_playwright as axe

        options = {
            "resultTypes": ["violations"],
            "rules": {"color-contrast": {"enabled": contrast}},
        }
        results = axe.Axe().run(self.page, options=options)
        assert results.violations_count == 0, results.generate_report()


def look_at(browser: Any, file: Path, width: int, scheme: str) -> None:
    """A page with everything unfolded fits, says and asks for nothing, and axe has no complaint."""
    visit = Visit(browser, file, width, scheme)
    visit.open_everything()
    visit.screenshot(f"{file.stem}-{width}-{scheme}")
    assert visit.overflow() == 0
    assert visit.messages == []
    assert [url for url in visit.requests if not url.startswith("data:")] == [file.as_uri()]
    visit.hold_to_axe()
    visit.page.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_fits_and_is_silent(
    browser: Any, page_file: Path, width: int, scheme: str
) -> None:
    """At every width and in both schemes: no sideways scrolling, no message, no request."""
    visit = Visit(browser, page_file, width, scheme)
    visit.screenshot(f"report-{width}-{scheme}")
    assert visit.overflow() == 0
    visit.open_everything()
    visit.screenshot(f"report-{width}-{scheme}-open")
    assert visit.overflow() == 0
    assert visit.messages == []
    assert [url for url in visit.requests if not url.startswith("data:")] == [page_file.as_uri()]
    sections = visit.page.locator("section")
    boxes = [section.bounding_box() for section in sections.all()]
    assert len(boxes) >= 10
    assert all(box["width"] > 0.6 * min(width, 1000) and box["height"] > 60 for box in boxes)
    visit.page.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_accessible(browser: Any, page_file: Path, width: int, scheme: str) -> None:
    """The axe rules find nothing with everything unfolded; a scheme's colours are those of any width."""
    visit = Visit(browser, page_file, width, scheme)
    visit.open_everything()
    visit.hold_to_axe(contrast=width == WIDTHS[0])
    visit.page.close()


@pytest.mark.parametrize(
    "sabotage",
    [
        pytest.param("p => p.style.color = '#fafafa'", id="ink"),
        pytest.param("p => p.innerHTML = '<img src=data:,>'", id="nameless-picture"),
    ],
)
def test_what_cannot_be_read_is_found(browser: Any, tmp_path: Path, sabotage: str) -> None:
    """Words without contrast, and a picture without a name, are each a complaint."""
    file = tmp_path / "page.html"
    file.write_text("<html lang=en><title>A page</title><main><h1>A page</h1><p>Words</p></main>")
    visit = Visit(browser, file, 1024, "light")
    visit.hold_to_axe()
    visit.page.locator("p").evaluate(sabotage)
    with pytest.raises(AssertionError):
        visit.hold_to_axe()
    visit.page.close()


@pytest.mark.parametrize("width", [360, 1600])
def test_a_hostile_page_fits_and_does_nothing(browser: Any, hostile_file: Path, width: int) -> None:
    """Endless words and markup in every field neither widen the page nor run."""
    visit = Visit(browser, hostile_file, width, "light")
    visit.page.on("dialog", lambda dialog: visit.messages.append(dialog.message))
    visit.open_everything()
    visit.screenshot(f"hostile-{width}", whole=False)
    assert visit.page.locator("script, evil-tag, [onerror], [onclick]").count() == 0
    assert visit.overflow() == 0
    assert visit.messages == []
    visit.page.close()


def test_paper_shows_what_is_folded(browser: Any, page_file: Path) -> None:
    """Printed, a folded row is readable, the page is light and the contents list is gone."""
    visit = Visit(browser, page_file, 800, "dark")
    visit.page.emulate_media(media="print")
    visit.screenshot("report-print")
    assert visit.page.get_by_text("clean_accuracy 0.9921 >= 0.97").first.is_visible()
    assert not visit.page.locator("nav").is_visible()
    style = "getComputedStyle(document.documentElement)"
    colours = visit.page.evaluate(f"[{style}.color, {style}.backgroundColor]")
    assert colours == ["rgb(30, 32, 36)", "rgb(255, 255, 255)"]
    assert visit.overflow() == 0
    visit.page.close()


def test_the_keyboard_reaches_verdict_and_rows(browser: Any, page_file: Path) -> None:
    """The first stop is the skip link; a row is opened with the keyboard."""
    visit = Visit(browser, page_file, 1024, "light")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the verdict"
    row = visit.page.locator("#row-CLEAN-01")
    row.locator("summary").first.focus()
    visit.page.keyboard.press("Enter")
    assert row.get_attribute("open") is not None
    visit.page.close()
