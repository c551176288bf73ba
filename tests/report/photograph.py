"""The picture of a report for the README: `nox -s picture`, which assesses the model first.

By hand: `python -m tests.report.photograph reports/index.html docs/report.png`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.browser import chromium

WIDTH, HEIGHT = 1180, 760


def photograph(page: Path, target: Path) -> None:
    """The first screen of the page at `page`, light, at twice the density."""
    with chromium() as browser:
        window = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT},
            device_scale_factor=1.5,
            color_scheme="light",
        )
        window.goto(page.resolve().as_uri())
        window.screenshot(path=target)


if __name__ == "__main__":
    photograph(Path(sys.argv[1]), Path(sys.argv[2]))
