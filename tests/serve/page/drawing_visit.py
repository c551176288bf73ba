"""The drawing page, opened in a browser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Self

from tests.browser import Visit

SEVEN = ((0.28, 0.25), (0.5, 0.24), (0.72, 0.26), (0.62, 0.5), (0.5, 0.8))
ZERO = ((0.5, 0.2), (0.3, 0.35), (0.3, 0.65), (0.5, 0.8), (0.7, 0.65), (0.7, 0.35), (0.5, 0.2))


class DrawingVisit(Visit):
    """The page, with strokes of a mouse and what the models answer."""

    def __enter__(self) -> Self:
        """The page, after its token was accepted or refused: until then all of it is hidden."""
        self.page.locator("#bench:visible, #sign-in:visible").first.wait_for()
        return self

    def places(self, shares: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        """Places of the viewport from places in units of the canvas's side."""
        canvas = self.page.locator("#canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in shares]

    def draw(self, places: Sequence[tuple[float, float]], steps: int = 4) -> None:
        """One stroke through places in units of the canvas's side."""
        at = self.places(places)
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
