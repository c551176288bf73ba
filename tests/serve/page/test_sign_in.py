"""Signing in to the page, in Chromium: what it says without a session."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serve.page.drawing_visit import SEVEN, DrawingVisit

pytestmark = pytest.mark.timeout(240)
UNKNOWN, NO_COOKIE, ENDED = "does not know this token", "keeps no cookie", "session has ended"


def test_without_a_token_the_page_asks_for_it(browser: Any, link: str) -> None:
    """Without a token the page shows no error, but a form that says where to find one."""
    with DrawingVisit(browser, link.split("#")[0], width=360) as visit:
        page = visit.page
        page.locator("#sign-in", has_text="the link that the service printed").wait_for()
        assert page.locator("#trouble").is_hidden()
        assert page.locator("#bench").is_hidden()
        visit.assert_accessible()


@pytest.mark.parametrize("token", ["start.wrong", "é", "€"])
def test_wrong_token(token: str, browser: Any, link: str) -> None:
    """A wrong token, typed or in the link, is named without talk of headers; the right one signs in."""
    address, right = link.split("#token=")
    with DrawingVisit(browser, f"{address}#token=start.wrong") as visit:
        page = visit.page
        for _ in range(2):
            page.locator("#trouble", has_text=UNKNOWN).wait_for()
            assert "Bearer" not in page.locator("body").inner_text()
            page.get_by_label("Token").fill(token)
            page.get_by_role("button", name="Sign in").click()
        page.get_by_label("Token").fill(f" {right} ")
        page.get_by_role("button", name="Sign in").click()
        page.locator("#bench").wait_for()
        assert page.locator("#trouble").is_hidden()


def test_browser_that_keeps_no_cookie(browser: Any, link: str) -> None:
    """Where the token is right and the browser drops the cookie, as without HTTPS, the page says so."""
    address, right = link.split("#token=")
    with DrawingVisit(browser, address) as visit:
        page = visit.page
        page.route("**/session", lambda route: route.fulfill(status=204))
        page.get_by_label("Token").fill(right)
        page.get_by_role("button", name="Sign in").click()
        page.locator("#trouble", has_text=NO_COOKIE).wait_for()


def test_session_that_ends(browser: Any, link: str) -> None:
    """A session that ends while the page is open is named, and the form is shown."""
    with DrawingVisit(browser, link) as visit:
        page = visit.page
        page.locator("#bench").wait_for()
        visit.context.clear_cookies()
        visit.draw(SEVEN)
        page.locator("#trouble", has_text=ENDED).wait_for()
        assert page.locator("#sign-in").is_visible()
