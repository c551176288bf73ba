"""Intervals and a threshold: the same share on samples of four sizes, computed by the package."""

from __future__ import annotations

from benchmarks.documentation.pictures import canvas
from securemnist.results.intervals import share_interval
from securemnist.view.axis import Scale
from securemnist.view.svg import BAD, GOOD, INK, LINE, MUTED, Drawing

TITLE = "The interval decides: samples of four sizes against a threshold of 90 %"
THRESHOLD = 0.9
# Hits and size of each sample.
SAMPLES = ((46, 50), (184, 200), (920, 1_000), (164, 200))
_ROW = 52.0


def verdict(hits: int, n: int) -> str:
    """The verdict of `at_least = 0.9` on a sample: its interval decides."""
    low, high = share_interval(hits, n)
    return "PASS" if low >= THRESHOLD else "FAIL" if high < THRESHOLD else "INCONCLUSIVE"


def draw() -> bytes:
    """The picture as an SVG file."""
    drawing = Drawing(640, 92 + _ROW * len(SAMPLES))
    drawing.text(20, 26, "Share of hits with its 95 % interval", INK, size=13, bold=True)
    x, bottom = Scale(0.75, 1, 170, 470), 46 + _ROW * len(SAMPLES)
    for share in (0.75, 0.8, 0.85, 0.95, 1):
        drawing.lines(LINE, [(x(share), 46), (x(share), bottom)])
        drawing.text(x(share), bottom + 18, f"{100 * share:.0f} %", anchor="middle")
    drawing.lines(INK, [(x(THRESHOLD), 40), (x(THRESHOLD), bottom)], width=2, dash="5 3")
    drawing.text(x(THRESHOLD), bottom + 18, "90 %", INK, anchor="middle", bold=True)
    drawing.text(x(THRESHOLD), bottom + 34, "at_least", INK, anchor="middle")
    for number, (hits, n) in enumerate(SAMPLES):
        y = 72 + _ROW * number
        low, high = share_interval(hits, n)
        words = verdict(hits, n)
        role = {"PASS": GOOD, "FAIL": BAD}.get(words, INK)
        drawing.text(150, y, f"{hits:,} of {n:,}", INK, size=13, anchor="end")
        drawing.text(150, y + 16, f"{100 * hits / n:.1f} %", MUTED, anchor="end")
        drawing.lines(role, [(x(low), y), (x(high), y)], width=3)
        for end in (low, high):
            drawing.lines(role, [(x(end), y - 6), (x(end), y + 6)], width=2)
        drawing.mark(x(hits / n), y, "dot", role, size=5)
        drawing.text(490, y + 4, words, role, size=13, bold=True)
    return canvas.file(drawing, TITLE, _description())


def _description() -> str:
    parts = []
    for hits, n in SAMPLES:
        low, high = share_interval(hits, n)
        parts.append(f"{hits} of {n}: {100 * low:.1f} to {100 * high:.1f} %, {verdict(hits, n)}.")
    return " ".join(parts)
