"""Training curve as SVG, by epoch: accuracy on training and tuning samples, clean and otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from securemnist.view.axis import Scale, epoch_numbers, percent_lines
from securemnist.view.svg import BAD, GOOD, INK, MUTED, Drawing

WIDTH, HEIGHT = 460.0, 264.0
_LEFT, _TOP, _RIGHT, _BOTTOM = 44.0, 32.0, 330.0, 220.0
# Key of the history: name, colour, dashes, marker.
_LINES = {
    "accuracy": ("training", MUTED, "1.5 3", "dot"),
    "tuning_accuracy": ("tuning, clean", INK, "", "dot"),
    "tuning_robust_accuracy": ("tuning, PGD-20", BAD, "5 3", "square"),
    "tuning_noisy_accuracy": ("tuning, with noise", BAD, "5 3", "square"),
    "tuning_certified_accuracy": ("tuning, certified", GOOD, "5 3", "triangle"),
}
# The report's colours, for a separate file; dark ones where the reader prefers a dark scheme.
STYLE = (
    "text{font-family:system-ui,sans-serif}"
    ".fill-ink{fill:#1b1f24}.stroke-ink{stroke:#1b1f24}.fill-muted{fill:#57606a}"
    ".stroke-muted{stroke:#57606a}.stroke-line{stroke:#d0d7de}.fill-good{fill:#116d4e}"
    ".stroke-good{stroke:#116d4e}.fill-bad{fill:#b3261e}.stroke-bad{stroke:#b3261e}"
    "@media(prefers-color-scheme:dark){"
    ".fill-ink{fill:#e6edf3}.stroke-ink{stroke:#e6edf3}.fill-muted{fill:#9aa4ae}"
    ".stroke-muted{stroke:#9aa4ae}.stroke-line{stroke:#3b434c}.fill-good{fill:#5fd1a5}"
    ".stroke-good{stroke:#5fd1a5}.fill-bad{fill:#ff9a8d}.stroke-bad{stroke:#ff9a8d}}"
)


def training_curve(name: str, history: Sequence[Mapping[str, Any]]) -> bytes:
    """The SVG file of a run's history, with epochs on the x axis; equal histories give equal bytes."""
    drawing = Drawing(WIDTH, HEIGHT)
    epochs = [int(entry["epoch"]) for entry in history] or [1]
    first = min(epochs)
    x, y = Scale(first, max(*epochs, first + 1), _LEFT, _RIGHT), Scale(0, 1, _BOTTOM, _TOP)
    drawing.text(_LEFT, 18, name, INK, size=13, bold=True)
    percent_lines(drawing, _LEFT, _RIGHT, y)
    epoch_numbers(drawing, x, y)
    drawing.text((_LEFT + _RIGHT) / 2, _BOTTOM + 36, "epoch", anchor="middle")
    y_name = _TOP
    for key, (title, role, dash, mark) in _LINES.items():
        points = [(x(entry["epoch"]), y(entry[key])) for entry in history if key in entry]
        if points:
            drawing.marked(points, role, mark, width=1.8, size=2.6, dash=dash)
            drawing.mark(_RIGHT + 16, y_name, mark, role)
            drawing.text(_RIGHT + 25, y_name + 4, title, role)
            y_name += 20
    return drawing.file(f"training curve of {name}", STYLE)
