"""The page in a browser: every width, both colour schemes, paper, accessibility."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from securemnist import report
from securemnist.results.assessment import Assessment
from tests.browser import LOOKS, SCHEMES, Visit, assert_fits
from tests.report import example, hostile

pytestmark = pytest.mark.timeout(180)


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


def test_the_page_fits_and_is_silent(browser: Any, page_file: Path) -> None:
    """At every width and in both schemes: no sideways scrolling, no message, no request."""
    with Visit(browser, page_file) as visit:
        for width, scheme in LOOKS:
            visit.look(width, scheme)
            visit.screenshot(f"report-{width}-{scheme}")
            assert visit.overflow() == 0, (width, scheme)
        visit.open_everything()
        for width, scheme in LOOKS:
            visit.look(width, scheme)
            visit.screenshot(f"report-{width}-{scheme}-open")
            assert visit.overflow() == 0, (width, scheme)
            sections = visit.page.locator("section")
            boxes = sections.evaluate_all("all => all.map(e => e.getBoundingClientRect().toJSON())")
            assert len(boxes) >= 10
            least = 0.6 * min(width, 1000)
            assert all(box["width"] > least and box["height"] > 60 for box in boxes)
        assert visit.messages == []
        assert [url for url in visit.requests if not url.startswith("data:")] == [visit.address]


def test_the_page_is_accessible(browser: Any, page_file: Path) -> None:
    """The axe rules find nothing with everything unfolded, at every width and in both schemes."""
    assert_fits(browser, page_file)


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
    with Visit(browser, file, 1024, "light") as visit:
        visit.assert_accessible()
        visit.page.locator("p").evaluate(sabotage)
        with pytest.raises(AssertionError):
            visit.assert_accessible()


@pytest.mark.parametrize("width", [360, 1600])
def test_a_hostile_page_fits_and_does_nothing(browser: Any, hostile_file: Path, width: int) -> None:
    """Endless words and markup in every field neither widen the page nor run."""
    with Visit(browser, hostile_file, width, "light") as visit:
        visit.page.on("dialog", lambda dialog: visit.messages.append(dialog.message))
        visit.open_everything()
        visit.screenshot(f"hostile-{width}", whole=False)
        assert visit.page.locator("script, evil-tag, [onerror], [onclick]").count() == 0
        assert visit.overflow() == 0
        assert visit.messages == []


def test_paper_shows_what_is_folded(browser: Any, page_file: Path) -> None:
    """Printed, a folded row is readable, the page is light and the contents list is gone."""
    with Visit(browser, page_file, 800, "dark") as visit:
        visit.page.emulate_media(media="print")
        visit.screenshot("report-print")
        assert visit.page.get_by_text("clean_accuracy 0.9921 >= 0.97").first.is_visible()
        assert not visit.page.locator("nav").is_visible()
        style = "getComputedStyle(document.documentElement)"
        colours = visit.page.evaluate(f"[{style}.color, {style}.backgroundColor]")
        assert colours == ["rgb(30, 32, 36)", "rgb(255, 255, 255)"]
        assert visit.overflow() == 0


def test_the_keyboard_reaches_verdict_and_rows(browser: Any, page_file: Path) -> None:
    """The first stop is the skip link; a row is opened with the keyboard."""
    with Visit(browser, page_file, 1024, "light") as visit:
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the verdict"
        row = visit.page.locator("#row-CLEAN-01")
        row.locator("summary").first.focus()
        visit.page.keyboard.press("Enter")
        assert row.get_attribute("open") is not None


def test_words_of_a_table_fit_a_phone(browser: Any, page_file: Path) -> None:
    """At 360 pixels no cell of a table of words is cut off, and each says its heading."""
    with Visit(browser, page_file, 360, "light") as visit:
        visit.open_everything()
        cells = visit.page.locator("table.prose td[data-label]")
        boxes = [box for cell in cells.all() if (box := cell.bounding_box())]
        assert boxes
        assert max(box["x"] + box["width"] for box in boxes) <= 360
        assert cells.first.evaluate("e => getComputedStyle(e, '::before').content") != "none"


def test_the_longest_verdict_stays_in_its_column(browser: Any, page_file: Path) -> None:
    """The verdict of a smoothed row breaks its line, and does not run into the row's title."""
    with Visit(browser, page_file, 1280, SCHEMES[0]) as visit:
        row = visit.page.locator("details.row > summary").first
        long = " (smoothed, failure probability 0.001)"
        row.locator(".badge").evaluate("(badge, words) => badge.append(words)", long)
        badge, title = (row.locator(part).bounding_box() for part in (".badge", "h3"))
        assert badge["x"] + badge["width"] <= title["x"]


def test_labels_of_charts_are_no_larger_than_text(browser: Any, page_file: Path) -> None:
    """A chart that is drawn wider than planned has labels of at most the size of the text beside it."""
    sizes = """all => all.map(text => parseFloat(getComputedStyle(text).fontSize)
        * text.ownerSVGElement.getBoundingClientRect().width
        / text.ownerSVGElement.viewBox.baseVal.width)"""
    with Visit(browser, page_file, 1280, SCHEMES[0]) as visit:
        visit.open_everything()
        shown = visit.page.locator(".exhibit svg text:visible").evaluate_all(sizes)
        body = visit.page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
        assert len(shown) > 50
        assert max(shown) <= body
