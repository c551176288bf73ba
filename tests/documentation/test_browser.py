"""The site in a browser: widths, both schemes, accessibility, and the way to the first verdict."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import WIDTHS, Visit

pytestmark = pytest.mark.timeout(180)

PAGES = (
    *("docs/index", "docs/concepts/verdict", "docs/reference/policy", "docs/comparison"),
    *("docs/tutorial", "docs/team"),
)
# Only a narrow window is too small for a page; tables and code have colours of their own in the dark.
LOOKS = [("index", width, "light") for width in WIDTHS] + [("index", WIDTHS[0], "dark")]
LOOKS += [(page, 360, "light") for page in PAGES]
LOOKS += [(page, 1600, "dark") for page in ("docs/reference/policy", "docs/tutorial")]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """No line on the terminal."""


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The address of the site on loopback."""
    handler = functools.partial(_Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(("page", "width", "scheme"), LOOKS)
def test_a_page_fits_and_is_accessible(
    browser: Any,
    address: str,
    page: str,
    width: int,
    scheme: str,
) -> None:
    """No sideways scrolling, no message, no request to another host, and axe finds nothing."""
    with Visit(browser, f"{address}/{page}.html", width, scheme) as visit:
        visit.page.locator(".md-code__nav, .md-content").first.wait_for(state="attached")
        visit.screenshot(f"site-{page.replace('/', '-')}-{width}-{scheme}", whole=False)
        assert visit.overflow() <= 0
        assert visit.messages == []
        # A scheme's colours are those of any width.
        visit.assert_accessible(contrast=page != "index" or width == WIDTHS[0])


# Options in code, and those of them that stand on more than one line.
_OPTIONS = """() => {
  const options = [...document.querySelectorAll(".md-content :not(pre) > code .option")];
  const broken = options.filter((option) => option.getClientRects().length > 1);
  return [options.length, broken.map((option) => option.textContent)];
}"""


@pytest.mark.parametrize("page", ["docs/audit", "docs/report", "docs/reference/commands"])
def test_an_option_is_not_broken(browser: Any, address: str, page: str) -> None:
    """On a telephone an option in a sentence, such as `--row`, stands on one line."""
    with Visit(browser, f"{address}/{page}.html", 390) as visit:
        visit.screenshot(f"site-code-{page.replace('/', '-')}")
        count, broken = visit.page.evaluate(_OPTIONS)
        assert count > 0
        assert broken == []
        assert visit.overflow() <= 0


def test_the_first_verdict_is_two_clicks_away(browser: Any, address: str) -> None:
    """The start page shows the command on its first screen, and one click leads to its explanation."""
    with Visit(browser, f"{address}/docs/index.html", 1024) as visit:
        command = visit.page.get_by_text("securemnist assess").first
        assert command.bounding_box()["y"] < 900
        visit.page.get_by_role("link", name="Install and run", exact=True).first.click()
        visit.page.wait_for_url("**/index.html#install-and-run")
        assert visit.page.get_by_role("heading", name="Install and run").is_visible()
