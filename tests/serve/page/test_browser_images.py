"""Test images and uploaded pictures on the page, in Chromium."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from tests.serve.page.drawing_visit import SEVEN, DrawingVisit
from tests.serve.page.pages import HOSTILE_NAMES, encoded

pytestmark = pytest.mark.timeout(240)


def test_busy_service_is_asked_again(browser: Any, colour_link: str) -> None:
    """A refusal with Retry-After is not shown: the page waits and asks again; a lost service is named."""
    refused: list[str] = []

    def once(route: Any) -> None:
        if refused:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={"error": "busy"})

    with DrawingVisit(browser, colour_link) as visit:
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
    with DrawingVisit(browser, link) as visit:
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

    with DrawingVisit(browser, colour_link) as visit:
        page = visit.page
        page.route("**/page/test-image", mislabelled)
        page.get_by_role("button", name="Test image").click()
        page.locator(".numbers", has_text="proved").wait_for()
        for epsilon in ("0", "0.001", "0.1"):
            page.locator("#epsilon").fill(epsilon)
            assert page.locator(".model.fail .verdict-word", has_text="misclassified").count() == 1
        assert page.locator(".zones .proved").evaluate("e => e.getBoundingClientRect().width") == 0


def test_hostile_file_gets_one_sentence(browser: Any, link: str) -> None:
    """A file that is no picture is refused in one sentence, as text, and the page goes on."""
    with DrawingVisit(browser, link) as visit:
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
    with DrawingVisit(browser, colour_link, scheme="dark") as visit:
        page = visit.page
        page.locator("#bench").wait_for()  # before it is shown nothing can be uploaded
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
        visit.assert_accessible()
        visit.screenshot("picture")
        assert "broken" in page.locator(".verdict-word").inner_text()
        page.get_by_role("button", name="Test image").click()
        page.locator("#source", has_text="Test image").wait_for()
        assert page.locator("#found .card").count() == 0
        assert "broken" not in page.locator(".verdict-word").inner_text()
        assert visit.messages == []
