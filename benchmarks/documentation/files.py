"""Every generated page and picture, with its content."""

from __future__ import annotations

from pathlib import Path

from benchmarks.documentation import (
    attacks_page,
    commands_page,
    measures_page,
    policy_page,
    readme,
)
from benchmarks.documentation.pictures import (
    certificate,
    doubt,
    ladder,
    statistics,
    threat,
    verdict,
)

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {
    "../README.md": readme.render,
    "reference/attacks.md": attacks_page.render,
    "reference/commands.md": commands_page.render,
    "reference/measures.md": measures_page.render,
    "reference/policy.md": policy_page.render,
}
PICTURES = {
    "concepts/certificate.svg": certificate.draw,
    "concepts/doubt.svg": doubt.draw,
    "concepts/ladder.svg": ladder.draw,
    "concepts/statistics.svg": statistics.draw,
    "concepts/threat.svg": threat.draw,
    "concepts/verdict.svg": verdict.draw,
}


def contents() -> dict[Path, bytes]:
    """The content of each file that `python -m benchmarks.documentation` writes."""
    pages = {DOCS / name: render().encode() for name, render in PAGES.items()}
    return pages | {DOCS / name: draw() for name, draw in PICTURES.items()}
