"""Debian's Chromium, driven by Playwright, and the pages that tests open in it.

Tests take the fixture `browser`, which skips where Chromium or Playwright is not installed, unless
SECUREMNIST_REQUIRE_BROWSER=1. Screenshots go to the folder that SECUREMNIST_SCREENSHOTS names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REQUIRED = os.environ.get("SECUREMNIST_REQUIRE_BROWSER") == "1"
SCREENSHOTS = os.environ.get("SECUREMNIST_SCREENSHOTS")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = (360, 1024, 1600)
SCHEMES = ("light", "dark")
LOOKS = [(width, scheme) for scheme in SCHEMES for width in WIDTHS]
PATIENCE = 60_000  # milliseconds, on a busy machine


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser, closed at the end."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "expected chromium in PATH, got none; apt-get install chromium"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def skip_without() -> None:
    """Skip the test where there is no browser, unless one is required."""
    if REQUIRED:
        return
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    pytest.importorskip("axe_playwright_python", reason="axe is not installed")


class Visit:
    """An opened page, with its messages and requests; at its end all requests were to its own site."""

    def __init__(
        self,
        browser: Any,
        address: str | Path,
        width: int = 1280,
        scheme: str = "light",
        **more: Any,
    ) -> None:
        self.address = address if isinstance(address, str) else address.as_uri()
        viewport = {"width": width, "height": 900}
        self.context = browser.new_context(viewport=viewport, color_scheme=scheme, **more)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", lambda dialog: self.messages.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(self.address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
        site = urlsplit(self.address)
        own = f"{site.scheme}://{site.netloc}/" if site.netloc else self.address.split("#")[0]
        assert all(url.startswith((own, "data:")) for url in self.requests)

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(script))

    def look(self, width: int, scheme: str) -> None:
        """Make the window this wide, and its colours those of the scheme."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)

    def open_everything(self) -> None:
        """Unfold all rows, tables and texts."""
        self.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")

    def screenshot(self, name: str, *, whole: bool = True) -> None:
        """The whole page, or its first screen, as a picture, where a folder is named.

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

    def assert_accessible(self, part: str = "html", *, contrast: bool = True) -> None:
        """No rule of axe is broken in a part of the page.

        What passes is not listed: that would take half of the time. Most of the rest goes into
        contrast, word by word.
        """
        from axe_playwright_python import sync_playwright as axe

        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(axe.Axe().axe_script)
        rules = {"color-contrast": {"enabled": contrast}}
        options = {"resultTypes": ["violations"], "rules": rules}
        run = "([part, options]) => axe.run(part, options)"
        results = axe.AxeResults(self.page.evaluate(run, [part, options]))
        assert results.violations_count == 0, results.generate_report()

    def assert_looks(self, looks: Iterable[tuple[int, str]], name: str, part: str = "html") -> None:
        """At each width and scheme the page fits its window and has no message; axe finds nothing.

        Colours of a scheme are those of any width, and what else axe looks at is that of any scheme.
        """
        widths, schemes = set[int](), set[str]()
        for width, scheme in looks:
            self.look(width, scheme)
            self.screenshot(f"{name}-{width}-{scheme}")
            assert self.overflow() <= 0, (width, scheme)
            assert self.messages == [], (width, scheme)
            if width not in widths or scheme not in schemes:
                self.assert_accessible(part, contrast=scheme not in schemes)
            widths.add(width)
            schemes.add(scheme)


def assert_fits(
    browser: Any, file: Path, looks: Iterable[tuple[int, str]] = LOOKS, part: str = "html"
) -> None:
    """A page with everything unfolded fits, has no message and no request, and axe finds nothing."""
    with Visit(browser, file) as visit:
        visit.open_everything()
        visit.assert_looks(looks, file.stem, part)
        assert [url for url in visit.requests if not url.startswith("data:")] == [visit.address]
