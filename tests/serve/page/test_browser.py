"""The drawing page in Chromium, of a server that `securemnist serve` started.

Skipped where there is no Chromium, unless SECUREMNIST_REQUIRE_BROWSER=1; screenshots go to the
folder that SECUREMNIST_SCREENSHOTS names.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from securemnist.serve.application import create_application
from securemnist.serve.server import ServerThread
from securemnist.serve.settings import Settings
from securemnist.serve.tokens import Token
from tests.report.browser import CHROMIUM, chromium
from tests.serve.page.pages import HOSTILE_NAMES, encoded, random_data, service

SCREENSHOTS = os.environ.get("SECUREMNIST_SCREENSHOTS")
REQUIRED = os.environ.get("SECUREMNIST_REQUIRE_BROWSER") == "1"
SEVEN = ((0.28, 0.25), (0.5, 0.24), (0.72, 0.26), (0.62, 0.5), (0.5, 0.8))
ZERO = ((0.5, 0.2), (0.3, 0.35), (0.3, 0.65), (0.5, 0.8), (0.7, 0.65), (0.7, 0.35), (0.5, 0.2))
PATIENCE = 60_000  # milliseconds, on a busy machine

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None and not REQUIRED, reason="Chromium is not installed"),
    pytest.mark.timeout(240),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    if not REQUIRED:
        pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with chromium() as driven:
        yield driven


@pytest.fixture(scope="module")
def link(small_mnist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The link that a server of `certified` and `hardened` prints."""
    command = [sys.executable, "-m", "securemnist", "serve", "--port", "0", "--data"]
    command += [str(small_mnist), "--model", "certified", "--beside", "hardened"]
    folder = tmp_path_factory.mktemp("served")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found is not None
        yield found[0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


@pytest.fixture(scope="module")
def colour_link() -> Iterator[str]:
    """The link of a server of one model of colour images, with hostile class names."""
    known, secret = Token.new("alice")
    served = service(random_data(3, 16, HOSTILE_NAMES), count=1)
    settings = Settings(port=0)
    with ServerThread(create_application(served, settings, [known]), settings) as server:
        yield f"{server.address}/#token={secret}"
    served.close(10)


class Visit:
    """The opened page, with everything it said and asked for."""

    def __init__(self, browser: Any, link: str, *, width: int = 1280, **options: Any) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", lambda dialog: self.messages.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.link = link
        self.page.goto(link)

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
        own = self.link.split("#")[0]
        assert all(url.startswith(own) for url in self.requests)

    def draw(self, places: Sequence[tuple[float, float]], steps: int = 4) -> None:
        """One stroke through places in units of the canvas's side."""
        self.page.locator("#canvas").scroll_into_view_if_needed()
        box = self.page.locator("#canvas").bounding_box()
        at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
        self.page.mouse.move(*at[0])
        self.page.mouse.down()
        for place in at[1:]:
            self.page.mouse.move(*place, steps=steps)
        self.page.mouse.up()

    def answers(self, text: str) -> None:
        """Wait until every model answers this class."""
        for card in self.page.locator("#cards .card").all():
            card.locator(".answer", has_text=re.compile(rf"^{text}")).wait_for()

    def proved(self) -> list[float]:
        """Wait for the proofs; the certified radius of each model."""
        rows = self.page.locator(".model").all()
        for row in rows:
            row.locator(".numbers", has_text="proved").wait_for()
        texts = [row.locator(".numbers").inner_text() for row in rows]
        return [float(re.search(r"proved up to ([\d.]+)", text)[1]) for text in texts]  # type: ignore[index]

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(script))

    def screenshot(self, name: str) -> None:
        """The whole page as a picture, where a folder is named."""
        if SCREENSHOTS:
            self.page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png", full_page=True)

    def hold_to_axe(self) -> None:
        """No rule of axe is broken."""
        if not REQUIRED:
            pytest.importorskip("axe_playwright_python", reason="axe is not installed")
        from axe_playwright_python import sync_playwright as axe

        results = axe.Axe().run(self.page, options={"resultTypes": ["violations"]})
        assert results.violations_count == 0, results.generate_report()


@pytest.fixture(scope="module")
def attacked(browser: Any, link: str) -> Iterator[Visit]:
    """A drawn seven, with proofs and attacks of both models."""
    with Visit(browser, link) as visit:
        visit.draw(SEVEN)
        visit.answers("7")
        visit.proved()
        visit.page.locator("#attack").click()
        visit.page.locator("#progress", has_text="Done.").wait_for()
        yield visit


def test_attacks_lie_beyond_proofs(attacked: Visit) -> None:
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible_at_every_width(attacked: Visit, scheme: str) -> None:
    """With answers, proofs and attacks: nothing sideways at 360 to 1600 pixels, and axe finds nothing."""
    attacked.page.emulate_media(color_scheme=scheme)
    for width in (360, 1024, 1600):
        attacked.page.set_viewport_size({"width": width, "height": 900})
        assert attacked.overflow() == 0
        attacked.hold_to_axe()
        attacked.screenshot(f"drawing-{width}-{scheme}")
    assert attacked.messages == []


def test_keyboard_draws(browser: Any, link: str) -> None:
    """Arrow keys and space draw a one, which is announced; undo and Delete take it back."""
    with Visit(browser, link) as visit:
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
    with Visit(browser, link, width=360, has_touch=True) as visit:
        box = visit.page.locator("#canvas").bounding_box()
        session = visit.context.new_cdp_session(visit.page)
        places = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in ZERO
        ]
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
    with Visit(browser, link) as visit:
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
    with Visit(browser, link) as visit:
        visit.page.locator("#bench").wait_for()
        path = [(0.3 + k / 150, 0.25) for k in range(30)]
        visit.draw([*path, *((0.5 - k / 300, 0.25 + k / 55) for k in range(30))], steps=1)
        visit.answers("7")
        sent = [url for url in visit.requests if url.endswith("/page/drawing")]
        assert 1 <= len(sent) < 20


def test_busy_service_is_asked_again(browser: Any, colour_link: str) -> None:
    """A refusal with Retry-After is not shown: the page waits and asks again; a lost service is named."""
    refused: list[str] = []

    def once(route: Any) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={"error": "busy"})

    with Visit(browser, colour_link) as visit:
        page = visit.page
        page.route("**/page/certificate*", once)
        page.get_by_role("button", name="Test image").click()
        page.locator(".numbers", has_text="proved").wait_for()
        assert len(refused) == 1
        assert page.locator("#trouble").is_hidden()
        page.route("**/page/test-image", lambda route: route.abort())
        page.get_by_role("button", name="Test image").click()
        page.locator("#trouble", has_text="expected an answer of the service, got none").wait_for()


def test_one_click_takes_a_test_image(browser: Any, link: str) -> None:
    """A click on "Test image" shows one with its label and what the models answer."""
    with Visit(browser, link) as visit:
        page = visit.page
        page.get_by_role("button", name="Test image").click()
        page.locator(
            "#source", has_text=re.compile(r"Test image \d+ of .+, labelled \d\.")
        ).wait_for()
        page.locator("#cards .answer", has_text="%").first.wait_for()
        assert page.locator("#attack").is_enabled()
        assert visit.messages == []


def test_misclassified_image_is_never_green(browser: Any, colour_link: str) -> None:
    """A test image with another label than the answer is misclassified at each epsilon, proof or not."""

    def mislabelled(route: Any) -> None:
        response = route.fetch()
        answer = response.json()
        answer["truth"] = (answer["predictions"][0]["label"] + 1) % len(HOSTILE_NAMES)
        route.fulfill(response=response, json=answer)

    with Visit(browser, colour_link) as visit:
        page = visit.page
        page.route("**/page/test-image", mislabelled)
        page.get_by_role("button", name="Test image").click()
        page.locator(".numbers", has_text="proved").wait_for()
        for epsilon in ("0", "0.001", "0.1"):
            page.locator("#epsilon").fill(epsilon)
            assert page.locator(".model.fail .verdict-word", has_text="misclassified").count() == 1
        assert page.locator(".zones .proved").evaluate("e => e.getBoundingClientRect().width") == 0


def test_link_signs_in_once(browser: Any, link: str) -> None:
    """The token leaves the address; the cookie is out of reach of scripts and survives a reload."""
    with Visit(browser, link) as visit:
        page = visit.page
        page.locator("#bench").wait_for()
        assert "token" not in page.url
        assert page.evaluate("document.cookie") == ""
        page.reload()
        page.locator("#bench").wait_for()
        assert visit.messages == []


def test_without_a_token_the_page_asks_for_it(browser: Any, link: str) -> None:
    """Without a token the page shows a form; a wrong one gets one sentence, the right one the page."""
    address, token = link.split("/#token=")
    with Visit(browser, address) as visit:
        page = visit.page
        page.locator("#sign-in").wait_for()
        assert page.locator("#bench").is_hidden()
        visit.hold_to_axe()
        page.get_by_label("Token").fill("start.wrong")
        page.get_by_role("button", name="Sign in").click()
        page.locator("#trouble", has_text="expected a valid token").wait_for()
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        page.locator("#bench").wait_for()
        assert page.locator("#trouble").is_hidden()


def test_hostile_file_gets_one_sentence(browser: Any, link: str) -> None:
    """A file that is no picture is refused in one sentence, as text, and the page goes on."""
    with Visit(browser, link) as visit:
        page = visit.page
        page.locator("#bench").wait_for()
        content = b"<svg onload=alert(1)><script>alert(1)</script>"
        file = {"name": "<img src=x>.png", "mimeType": "image/png", "buffer": content}
        page.locator("#file").set_input_files(file)
        page.locator("#trouble", has_text="expected a PNG, JPEG or BMP picture").wait_for()
        visit.draw(SEVEN)
        visit.answers("7")
        assert page.locator("#trouble").is_hidden()
        assert all("400" in message for message in visit.messages)


def test_picture_of_a_colour_model(browser: Any, colour_link: str) -> None:
    """A picture is uploaded, classified and attacked; hostile names are text; a new image starts anew."""
    with Visit(browser, colour_link, color_scheme="dark") as visit:
        page = visit.page
        assert page.get_by_role("button", name="Clear").is_hidden()
        picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        file = {"name": "a.png", "mimeType": "image/png", "buffer": encoded(picture)}
        page.locator("#file").set_input_files(file)
        page.locator("#source", has_text="Your file, a.png.").wait_for()
        page.locator(".numbers", has_text="proved").wait_for()
        page.get_by_role("button", name="Attack this image").click()
        page.locator("#progress", has_text="Done.").wait_for()
        assert "instead of" in page.locator("#found .card").inner_text()
        shown = page.locator(".bars .name").all_inner_texts()
        assert sorted(shown) == sorted(HOSTILE_NAMES)
        assert page.locator("main img, main script").count() == 0
        assert visit.overflow() == 0
        visit.hold_to_axe()
        visit.screenshot("picture")
        assert "broken" in page.locator(".verdict-word").inner_text()
        page.get_by_role("button", name="Test image").click()
        page.locator("#source", has_text="Test image").wait_for()
        assert page.locator("#found .card").count() == 0
        assert "broken" not in page.locator(".verdict-word").inner_text()
        assert visit.messages == []
