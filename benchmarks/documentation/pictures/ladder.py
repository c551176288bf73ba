"""The ladder: how many images enter each stage, and what becomes of them. Measured by `ladder_data`."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.documentation import ladder_data
from benchmarks.documentation.pictures import canvas
from securemnist.view.svg import BAD, GOOD, INK, LINE, MUTED, Drawing

_LEFT, _RIGHT, _ROW = 150.0, 560.0, 34.0


def draw() -> bytes:
    """The picture as an SVG file."""
    data = json.loads(ladder_data.PATH.read_text())
    stages, images = data["stages"], data["images"]
    drawing = Drawing(640, 96 + _ROW * len(stages))
    title = f"{data['model']}, {data['threat']}, {images} images, ladder of budget {data['budget']}"
    drawing.text(20, 26, title, INK, size=13, bold=True)
    for number, (name, role, alpha) in enumerate(
        (("broken", BAD, 1.0), ("certified", GOOD, 1.0), ("go on", MUTED, 0.35))
    ):
        drawing.rect(20 + 96 * number, 38, 10, 10, role, alpha=alpha)
        drawing.text(34 + 96 * number, 47, name, MUTED)
    scale = (_RIGHT - _LEFT) / images
    for number, stage in enumerate(stages):
        _bar(drawing, 64 + _ROW * number, stage, scale)
    value = f"robust accuracy {100 * data['value']:.1f} %, 95 % interval "
    value += f"{100 * data['low']:.1f} to {100 * data['high']:.1f} %"
    drawing.text(20, 82 + _ROW * len(stages), value, INK, size=12)
    return canvas.file(drawing, f"The stages of a ladder: {title}", _description(stages))


def _bar(drawing: Drawing, y: float, stage: dict[str, Any], scale: float) -> None:
    drawing.text(_LEFT - 8, y + 14, stage["stage"], INK, size=12, anchor="end")
    x = _LEFT
    on = stage["entered"] - stage["fell"] - stage["proved"]
    for count, role, alpha in (
        (stage["fell"], BAD, 1),
        (stage["proved"], GOOD, 1),
        (on, MUTED, 0.35),
    ):
        drawing.rect(x, y, count * scale, 20, role, alpha=alpha)
        x += count * scale
    drawing.lines(LINE, [(_LEFT, y + 27), (_RIGHT, y + 27)])
    drawing.text(x + 8, y + 14, f"{stage['entered']} to {on}", MUTED, size=12)


def _description(stages: list[dict[str, Any]]) -> str:
    return " ".join(
        f"{one['stage']}: {one['entered']} images enter, {one['fell']} broken, {one['proved']} certified."
        for one in stages
    )
