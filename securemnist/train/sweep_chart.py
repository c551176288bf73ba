"""Chart of a sweep as SVG: attack success rate and clean accuracy by poisoning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

from securemnist.train.curve import STYLE
from securemnist.train.sweep import Cell
from securemnist.view.axis import Scale, percent_lines
from securemnist.view.svg import BAD, INK, MUTED, Drawing

_WIDTH, _HEIGHT = 560.0, 292.0
_LEFT, _TOP, _RIGHT, _BOTTOM = 44.0, 32.0, 340.0, 224.0
_LOOKS = (("", "dot"), ("5 3", "square"), ("1.5 3", "triangle"))


def sweep_chart(title: str, cells: Sequence[Cell]) -> bytes:
    """The SVG file: a line of the success rate for each poison, and the lowest accuracy at each rate.

    The x axis is logarithmic; equal cells give equal bytes.
    """
    drawing = Drawing(_WIDTH, _HEIGHT)
    rates = sorted({cell.rate for cell in cells})
    first, last = math.log(rates[0]), math.log(rates[-1])
    x = Scale(first, max(last, first + 1e-9), _LEFT + 12, _RIGHT - 12)
    y = Scale(0, 1, _BOTTOM, _TOP)
    drawing.text(_LEFT, 18, title, INK, size=13, bold=True)
    percent_lines(drawing, _LEFT, _RIGHT, y)
    for rate in rates:
        drawing.text(x(math.log(rate)), _BOTTOM + 17, f"{100 * rate:g} %", anchor="middle")
    drawing.text((_LEFT + _RIGHT) / 2, _BOTTOM + 36, "poisoned share", anchor="middle")
    lowest = [(rate, min(c.accuracy for c in cells if c.rate == rate)) for rate in rates]
    lines = [("lowest clean accuracy", MUTED, lowest)]
    for name in dict.fromkeys(cell.name for cell in cells):
        points = [(c.rate, c.success) for c in cells if c.name == name and c.success is not None]
        if points:
            lines.append((f"ASR: {name}", BAD, points))
    for number, (name, role, points) in enumerate(lines):
        dash, mark = _LOOKS[number % len(_LOOKS)]
        places = [(x(math.log(rate)), y(share)) for rate, share in sorted(points)]
        drawing.marked(places, role, mark, width=1.8, size=2.6, dash=dash)
        drawing.mark(_RIGHT + 16, _TOP + 20 * number, mark, role)
        drawing.text(_RIGHT + 25, _TOP + 20 * number + 4, name, role)
    return drawing.file(f"{title}: attack success rate by poisoned share", STYLE)
