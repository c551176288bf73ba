"""Galleries: digits before and after an attack, side by side with what changed."""

from __future__ import annotations

from securemnist.findings import Finding
from securemnist.report import evidence, png
from securemnist.report.exhibit import Exhibit, Table, Tile, of_total

TILES = 12  # digits a gallery shows; more is a wall


def before_and_after(finding: Finding, seen: evidence.Evidence) -> Exhibit | None:
    key = "triggered_gallery" if finding.family == "backdoor" else "gallery"
    digits = evidence.gallery(seen, key)
    if digits is None:
        return None
    kept = digits[:TILES]
    change = "the trigger" if key == "triggered_gallery" else "the attack"
    return Exhibit(
        title="Digits before and after",
        caption=f"The digit, the same after {change}, and the difference magnified to full "
        "strength: orange became lighter, blue darker. Below each: true class → new answer, and "
        f"how sure the model is of it. {of_total(len(kept), len(digits), 'digit')}",
        tiles=tuple(
            Tile(
                digit=d,
                clean=png.grey(d.clean),
                changed=png.grey(d.changed),
                difference=png.difference(d.clean, d.changed),
            )
            for d in kept
        ),
        table=Table(
            head=("test digit", "true class", "before", "after", "confidence", "largest change"),
            rows=tuple(_numbers(digit) for digit in kept),
        ),
    )


def _numbers(digit: evidence.Digit) -> tuple[str, ...]:
    change = max(abs(b - a) for a, b in zip(digit.clean, digit.changed, strict=True))
    answers = (digit.index, digit.label, digit.before, digit.after)
    return (*map(str, answers), f"{100 * digit.confidence:.1f} %", f"{change} of 255")
