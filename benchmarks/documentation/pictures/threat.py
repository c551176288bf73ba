"""A threat: the perturbations around an image that an attacker may use, and where the class changes."""

from __future__ import annotations

import math

from benchmarks.documentation.pictures import canvas
from securemnist.view.svg import BAD, GOOD, INK, LINE, MUTED, Drawing

TITLE = "Two threats around one image"
DESCRIPTION = (
    "Left, L-infinity: a square of half width eps around the image x. The decision boundary cuts its "
    "corner, where an adversarial example lies. Right, L2: a circle of radius eps around the same image. "
    "The boundary does not reach it; a point beyond the boundary is outside and does not count."
)
_EPS = 74.0


def draw() -> bytes:
    """The picture as an SVG file."""
    drawing = Drawing(640, 330)
    for left, name, text in (
        (0.0, "linf", "each pixel changes by at most eps"),
        (320.0, "l2", "Euclidean norm of the change at most eps"),
    ):
        _panel(drawing, left, name, text)
    drawing.lines(LINE, [(320, 20), (320, 310)])
    return canvas.file(drawing, TITLE, DESCRIPTION)


def _panel(drawing: Drawing, left: float, name: str, text: str) -> None:
    x, y = left + 130.0, 190.0
    drawing.text(left + 20, 28, name, INK, size=15, bold=True)
    drawing.text(left + 20, 46, text)
    if name == "linf":
        outline = [
            (x - _EPS, y - _EPS),
            (x + _EPS, y - _EPS),
            (x + _EPS, y + _EPS),
            (x - _EPS, y + _EPS),
        ]
    else:
        angles = [2 * math.pi * k / 72 for k in range(72)]
        outline = [(x + _EPS * math.cos(a), y + _EPS * math.sin(a)) for a in angles]
    drawing.area(outline, GOOD, alpha=0.14)
    drawing.lines(GOOD, [*outline, outline[0]], width=1.5)
    # Between the corner of the square and the circle.
    boundary = [(x + dx, y - 126 + dx + 0.0009 * (dx - 63) ** 2) for dx in range(-4, 176, 6)]
    drawing.lines(INK, boundary, width=2, dash="6 4")
    drawing.text(left + 20, 306, "class 1", MUTED, size=12)
    drawing.text(left + 250, 86, "class 7", MUTED, size=12)
    if name == "linf":
        drawing.text(left + 208, 270, "decision boundary", MUTED)
    drawing.mark(x, y, "dot", INK, size=4.5)
    drawing.text(x - 8, y + 18, "x", INK, size=13, bold=True, anchor="end")
    drawing.lines(MUTED, [(x, y), (x - _EPS, y)], width=1.2, dash="2 3")
    drawing.text(x - _EPS / 2, y - 6, "eps", MUTED, anchor="middle", halo=True)
    role = BAD if name == "linf" else MUTED
    drawing.mark(x + 69, y - 69, "diamond", role, size=5)
    words = ("adversarial", "example") if name == "linf" else ("outside eps:", "does not count")
    for line, text in enumerate(words):
        drawing.text(x + 82, y - 72 + 15 * line, text, role, size=12, halo=True)
