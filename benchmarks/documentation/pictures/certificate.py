"""Certificates: the true robust accuracy lies between two curves. From the reference curves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.documentation.pictures import canvas
from securemnist.view.axis import Scale, percent_lines
from securemnist.view.svg import BAD, GOOD, INK, MUTED, Drawing

CURVES = Path(__file__).parents[3] / "fixtures" / "reference-curves.json"
_LEFT, _TOP, _RIGHT, _BOTTOM = 62.0, 56.0, 420.0, 270.0


def points() -> list[dict[str, Any]]:
    """The points of the model `certified` under L-infinity."""
    curves = json.loads(CURVES.read_text())["curves"]
    (curve,) = (one for one in curves if (one["model"], one["norm"]) == ("certified", "linf"))
    found: list[dict[str, Any]] = curve["points"]
    return found


def draw() -> bytes:
    """The picture as an SVG file."""
    curve = points()
    drawing = Drawing(640, 330)
    title = f"Model certified, L-infinity, {curve[0]['n']} images"
    drawing.text(20, 26, title, INK, size=13, bold=True)
    x, y = Scale(0, curve[-1]["eps"], _LEFT, _RIGHT), Scale(0, 1, _BOTTOM, _TOP)
    percent_lines(drawing, _LEFT, _RIGHT, y)
    upper = [(x(one["eps"]), y(one["accuracy"])) for one in curve]
    lower = [(x(one["eps"]), y(one["certified"])) for one in curve]
    drawing.area([*upper, *reversed(lower)], MUTED, alpha=0.3)
    drawing.lines(BAD, upper, width=2)
    drawing.lines(GOOD, lower, width=2)
    for above, below in zip(upper, lower, strict=True):
        drawing.mark(*above, "square", BAD)
        drawing.mark(*below, "triangle", GOOD)
    for one in curve[::2]:
        drawing.text(x(one["eps"]), _BOTTOM + 18, f"{one['eps']:g}", anchor="middle")
    drawing.text((_LEFT + _RIGHT) / 2, _BOTTOM + 38, "eps", anchor="middle")
    drawing.text(440, 100, "survived the attacks", BAD, size=13, bold=True)
    drawing.text(440, 117, "at most this share is robust")
    drawing.text(440, 152, "true robust accuracy", MUTED, size=13, bold=True)
    drawing.text(440, 169, "somewhere in the grey area")
    drawing.text(440, 204, "certified", GOOD, size=13, bold=True)
    drawing.text(440, 221, "at least this share is robust")
    return canvas.file(
        drawing, f"{title}: certified share and share that survived, by eps", _words(curve)
    )


def _words(curve: list[dict[str, Any]]) -> str:
    return " ".join(
        f"eps {one['eps']:g}: certified {100 * one['certified']:.1f} %, "
        f"survived {100 * one['accuracy']:.1f} %."
        for one in curve
    )
