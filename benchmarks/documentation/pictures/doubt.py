"""Doubts: the number alone does not separate impostors from honest networks. From docs/doubts.md."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.documentation.pictures import canvas
from securemnist.view.axis import Scale
from securemnist.view.svg import BAD, GOOD, INK, LINE, MUTED, Drawing

PAGE = Path(__file__).parents[3] / "docs" / "doubts.md"
TITLE = "Robust accuracy of impostors and of honest networks, and their doubts"
_ROW = 21.0


def rows(page: str) -> list[tuple[str, str, str, float]]:
    """Network, doubt that it deserves ("none"), share that raised any, median of its number."""
    section = page.partition("<!-- begin doubts -->")[2]
    pattern = r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \| (\d+ of \d+) \| ([\d.]+) \|$"
    found = re.findall(pattern, section, re.MULTILINE)
    return [(name, doubt, raised, float(number)) for name, doubt, raised, number in found]


def draw() -> bytes:
    """The picture as an SVG file."""
    networks = rows(PAGE.read_text())
    drawing = Drawing(640, 92 + _ROW * len(networks))
    drawing.text(
        20, 26, "Robust accuracy as measured, and the doubt that follows", INK, size=13, bold=True
    )
    bottom = 44 + _ROW * len(networks)
    x = Scale(0, 1, 200, 420)
    for share in (0, 0.25, 0.5, 0.75, 1):
        drawing.lines(LINE, [(x(share), 44), (x(share), bottom)])
        drawing.text(x(share), bottom + 18, f"{100 * share:.0f} %", anchor="middle")
    for number, (name, doubt, raised, value) in enumerate(networks):
        y = 58 + _ROW * number
        honest = doubt == "none"
        role, kind = (GOOD, "dot") if honest else (BAD, "diamond")
        drawing.text(190, y + 4, name, INK if honest else BAD, size=12, anchor="end")
        drawing.mark(x(value), y, kind, role, size=4.5)
        words = "no doubt" if raised.startswith("0 ") else f"{doubt}: {raised}"
        drawing.text(440, y + 4, words, MUTED, size=12)
    drawing.mark(206, bottom + 36, "diamond", BAD)
    drawing.text(216, bottom + 40, "impostor", MUTED)
    drawing.mark(286, bottom + 36, "dot", GOOD)
    drawing.text(296, bottom + 40, "honest network", MUTED)
    return canvas.file(drawing, TITLE, _description(networks))


def _description(networks: list[tuple[str, str, str, float]]) -> str:
    return " ".join(
        f"{name}: {100 * value:.0f} %, {'no doubt' if raised.startswith('0 ') else f'doubt {doubt}'}."
        for name, doubt, raised, value in networks
    )
