"""The drawing page in Chromium, of a server that `securemnist serve` started."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import LOOKS
from tests.serve.page.drawing_visit import SEVEN, ZERO, DrawingVisit

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def attacked(browser: Any, link: str) -> Iterator[DrawingVisit]:
    """A drawn seven, with proofs and attacks of both models."""
    with DrawingVisit(browser, link) as visit:
        visit.draw(SEVEN)
        visit.answers("7")
        visit.proved()
        visit.page.locator("#attack").click()
        visit.page.locator("#progress", has_text="Done.").wait_for()
        yield visit


def test_attacks_lie_beyond_proofs(attacked: DrawingVisit) -> None:
    """Both models are attacked, beyond what is proved of each, and the slider says which it is where."""
    page, radii = attacked.page, attacked.proved()
    words = page.locator(".model .verdict-word")
    assert radii[0] > 0.2 > radii[1] > 0
    assert page.locator("#found canvas").count() == 6
    for place, radius in enumerate(radii):
        text = page.locator("#found .card").nth(place).inner_text()
        found = re.search(r"reads (\d) instead of 7.*more than ([\d.]+)\.", text, re.DOTALL)
        assert found is not None
        assert found[1] != "7"
        assert radius < float(found[2]) < 0.5
        page.locator("#epsilon").fill("0.5")
        assert words.nth(place).inner_text() == f"✕ broken: {found[1]}"
    page.locator("#epsilon").fill("0.1")
    assert words.all_inner_texts() == ["✓ proved safe", "? open: neither proved nor broken"]
    assert "proved safe" in page.locator("#epsilon").get_attribute("aria-valuetext")
    assert attacked.messages == []


def test_page_is_accessible_at_every_width(attacked: DrawingVisit) -> None:
    """With answers, proofs and attacks: nothing sideways at 360 to 1600 pixels, and axe finds nothing."""
    attacked.assert_looks(LOOKS, "drawing")


def test_keyboard_draws(browser: Any, link: str) -> None:
    """Arrow keys and space draw a one, which is announced; undo and Delete take it back."""
    with DrawingVisit(browser, link) as visit:
        page = visit.page
        page.locator("#canvas").focus()
        for _ in range(9):
            page.keyboard.press("ArrowUp")
        page.keyboard.press("Space")
        assert page.locator("#position").inner_text() == "pen down, column 14, row 5 of 28"
        for _ in range(18):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Space")
        assert page.locator("#position").inner_text() == "pen up, column 14, row 23 of 28"
        page.keyboard.press("ArrowRight")
        visit.answers("1")
        page.locator("#spoken", has_text="certified: 1").wait_for()
        page.keyboard.press("Control+z")
        visit.answers("–")
        page.keyboard.press("Space")
        page.keyboard.press("ArrowUp")
        page.locator("#cards .answer", has_text="%").first.wait_for()
        page.keyboard.press("Delete")
        visit.answers("–")
        assert page.locator("#attack").is_disabled()
        assert visit.messages == []


def test_finger_draws(browser: Any, link: str) -> None:
    """A finger on a narrow screen draws instead of scrolling the page."""
    with DrawingVisit(browser, link, width=360, has_touch=True) as visit:
        session = visit.context.new_cdp_session(visit.page)
        places = [{"x": x, "y": y} for x, y in visit.places(ZERO)]
        kinds = ["touchStart", *["touchMove"] * (len(places) - 1)]
        for kind, place in zip(kinds, places, strict=True):
            event = {"type": kind, "touchPoints": [place]}
            session.send("Input.dispatchTouchEvent", event)
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        visit.answers("0")
        assert visit.page.evaluate("scrollY") == 0
        assert visit.messages == []


def test_undo_and_clear_buttons(browser: Any, link: str) -> None:
    """Undo takes the last stroke back, clear all of them."""
    with DrawingVisit(browser, link) as visit:
        page = visit.page
        visit.draw(SEVEN)
        visit.answers("7")
        visit.draw(((0.1, 0.9), (0.9, 0.9)))
        page.get_by_role("button", name="Undo").click()
        visit.answers("7")
        page.get_by_role("button", name="Clear").click()
        visit.answers("–")
        assert page.locator("#invitation").is_visible()


def test_requests_of_a_stroke_are_few(browser: Any, link: str) -> None:
    """A stroke of sixty moves is sent in a few requests, one at a time, and its end is not lost."""
    with DrawingVisit(browser, link) as visit:
        visit.page.locator("#bench").wait_for()
        path = [(0.3 + k / 150, 0.25) for k in range(30)]
        visit.draw([*path, *((0.5 - k / 300, 0.25 + k / 55) for k in range(30))], steps=1)
        visit.answers("7")
        sent = [url for url in visit.requests if url.endswith("/page/drawing")]
        assert 1 <= len(sent) < 20


def test_link_signs_in_once(browser: Any, link: str) -> None:
    """The token leaves the address; the cookie is out of reach of scripts and survives a reload."""
    with DrawingVisit(browser, link) as visit:
        page = visit.page
        page.locator("#bench").wait_for()
        assert "token" not in page.url
        assert page.evaluate("document.cookie") == ""
        page.reload()
        page.locator("#bench").wait_for()
        assert visit.messages == []
