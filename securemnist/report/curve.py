"""The training curve: tuning accuracy, clean and under attack, over epochs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

_LINES = {
    "accuracy": ("training (as trained)", ":"),
    "tuning_accuracy": ("tuning, clean", "-"),
    "tuning_robust_accuracy": ("tuning, PGD-20", "--"),
    "tuning_certified_accuracy": ("tuning, certified", "--"),
}


def training_curve(name: str, history: Sequence[Mapping[str, Any]]) -> bytes:
    """An SVG of the run; equal histories give equal bytes."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "securemnist", "svg.fonttype": "path"}):
        figure = Figure(figsize=(6, 3.5), layout="constrained")
        axes = figure.subplots()
        for key, (label, style) in _LINES.items():
            points = [(entry["epoch"], entry[key]) for entry in history if key in entry]
            if points:
                axes.plot(*zip(*points, strict=True), style, label=label, marker="o", markersize=3)
        axes.set(title=name, xlabel="epoch", ylabel="accuracy", ylim=(0, 1.02))
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
