"""The pictures of the report: checked evidence in, SVG elements out.

No meaning rests on colour: every number stands in a table beside its picture, shades differ in
lightness, lines in their markers.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

from securemnist.report.evidence import CLASSES, Fate, Point, Stage
from securemnist.report.svg import BAD, GOOD, INK, LINE, MUTED, PAPER, Box, draw
from securemnist.report.text import line
from securemnist.report.words import NONE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 360
FATES = {  # from the bottom of a bar to its top
    "certified": (GOOD, 0.95),
    "survived": (GOOD, 0.5),
    "open": (MUTED, 0.25),
    "broken": (BAD, 0.75),
    "misclassified": (INK, 0.5),
}
_LINES = ((GOOD, "o", "-"), (BAD, "s", "--"), (INK, "^", ":"), (MUTED, "D", "-."))


def confusion(counts: Sequence[Sequence[int]], *, alt: str) -> str:
    """A 10x10 matrix; a cell's shade is its share of the row."""

    def paint(axes: Axes) -> None:
        from matplotlib.patches import Rectangle

        for true, row in enumerate(counts):
            for predicted, count in enumerate(row):
                colour = GOOD if true == predicted else BAD
                # The square root keeps a single misread digit visible beside a thousand.
                shade = 0.05 + 0.5 * (count / max(sum(row), 1)) ** 0.5 if count else 0.0
                place = (predicted + 0.04, true + 0.04)
                axes.add_patch(Rectangle(place, 0.92, 0.92, color=colour, alpha=shade, lw=0))
                if count:
                    middle = (predicted + 0.5, true + 0.53)
                    axes.text(*middle, f"{count}", ha="center", va="center", fontsize=10)
        ticks = [place + 0.5 for place in range(CLASSES)]
        names = [str(digit) for digit in range(CLASSES)]
        axes.set(xlim=(0, CLASSES), ylim=(CLASSES, 0), xlabel="predicted", ylabel="true class")
        axes.set_xticks(ticks, names)
        axes.set_yticks(ticks, names)
        axes.spines[:].set_visible(False)

    return draw(paint, size=(WIDTH, 360), box=_box(360, left=34, bottom=36, top=2), alt=alt)


def shares(
    values: Sequence[float | None], *, bad: bool, limit: float | None, what: str, alt: str
) -> str:
    """One bar a class; `limit` is the line of the policy, `bad` says that less is better."""
    # A success of 5 % is much: a scale to 100 % would hide it.
    seen = [value for value in (*values, limit) if value is not None]
    top = min(1.0, max(0.1, 1.2 * max(seen, default=0.0))) if bad else 1.0

    def paint(axes: Axes) -> None:
        colour = BAD if bad else GOOD
        axes.bar(range(CLASSES), [value or 0.0 for value in values], color=colour, alpha=0.55)
        if limit is not None:
            axes.axhline(limit, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        _digits_below(axes, [NONE if v is None else f"{v:.3f}".removeprefix("0") for v in values])
        axes.set(ylim=(0, top), xlabel=f"class, and its {what}")
        axes.set_yticks([0, top / 2, top], ["0", f"{top / 2:.2g}", f"{top:.2g}"])

    return draw(paint, size=(WIDTH, 230), box=_box(230, left=30, bottom=50, top=8), alt=alt)


def fates(classes: Sequence[Fate], *, alt: str) -> str:
    """What became of the digits of each class, from proved (bottom) to misclassified (top)."""
    kinds = [kind for kind in FATES if any(getattr(fate, kind) for fate in classes)]

    def paint(axes: Axes) -> None:
        for digit, fate in enumerate(classes):
            bottom = 0.0
            for kind in kinds:
                height = getattr(fate, kind) / max(fate.total, 1)
                colour, alpha = FATES[kind]
                axes.bar(digit, height, width=0.76, bottom=bottom, color=colour, alpha=alpha)
                bottom += height
        _digits_below(axes)
        axes.set(ylim=(0, 1), ylabel="share of the class")
        names = {"open": "not tried", "certified": "proved", "misclassified": "misread"}
        _legend(axes, 250, [(names.get(kind, kind), *FATES[kind], "s") for kind in kinds])

    return draw(paint, size=(WIDTH, 250), box=_box(250, left=42, bottom=36, top=34), alt=alt)


def waterfall(stages: Sequence[Stage], *, alt: str) -> str:
    """Digits left after each stage of the attack ladder, from top to bottom."""
    height = 26 * len(stages) + 26

    def paint(axes: Axes) -> None:
        most = max(1, *(stage.entered for stage in stages))
        for row, stage in enumerate(stages):
            left = stage.entered - stage.fell
            axes.barh(row, left, height=0.66, color=GOOD, alpha=0.55)
            axes.barh(row, stage.fell, height=0.66, left=left, color=BAD, alpha=0.75)
            axes.text(most * 1.03, row, f"{left:,} left", va="center", fontsize=10)
        axes.set(xlim=(0, most), ylim=(len(stages) - 0.5, -0.5))
        axes.set_yticks(range(len(stages)), [line(stage.name, 15) for stage in stages])
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        _legend(axes, height, [("still right", GOOD, 0.55, "s"), ("fell here", BAD, 0.75, "s")])

    box = _box(height, left=98, bottom=2, top=24, right=70)
    return draw(paint, size=(WIDTH, height), box=box, alt=alt)


def curve(points: Sequence[Point], required: tuple[float, float] | None, *, alt: str) -> str:
    """Accuracy over eps, a line for each attack; `required` is the point the policy asks for."""
    attacks = sorted({point.attack for point in points})[: len(_LINES)]
    top = 30 if len(attacks) < 3 else 40

    def paint(axes: Axes) -> None:
        legend = []
        for attack, (colour, marker, style) in zip(attacks, _LINES, strict=False):
            seen = [point for point in points if point.attack == attack]
            x, y = [point.eps for point in seen], [point.accuracy for point in seen]
            axes.plot(x, y, style, color=colour, marker=marker, markersize=5, clip_on=False)
            legend.append((attack, colour, 1.0, marker))
        if required is not None:
            axes.plot(*required, "P", markersize=11, color=INK, markeredgecolor=PAPER)
            legend.append(("required", INK, 1.0, "P"))
        axes.grid(color=LINE, linewidth=0.6)
        most = max(0.01, *(point.eps for point in points))
        axes.set(xlim=(-0.03 * most, 1.03 * most), ylim=(-0.03, 1.03), xlabel="eps")
        axes.set_ylabel("accuracy")
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])
        _legend(axes, 260, legend)

    return draw(paint, size=(WIDTH, 260), box=_box(260, left=42, bottom=36, top=top), alt=alt)


def times(series: Sequence[tuple[str, Sequence[float]]], *, alt: str) -> str:
    """Every sample as a dot on an axis of milliseconds, the median as a bar."""
    height = 62 * len(series) + 42

    def paint(axes: Axes) -> None:
        for row, (_, seconds) in enumerate(series):
            shown = _thinned([1000 * s for s in seconds])
            spread = [row + ((7 * i) % 11 - 5) / 22 for i in range(len(shown))]
            axes.plot(shown, spread, "o", color=GOOD, markersize=5, alpha=0.45, clip_on=False)
            middle = statistics.median(shown)
            axes.plot([middle, middle], [row - 0.3, row + 0.3], color=INK, linewidth=2)
            axes.text(middle, row - 0.36, f"median {middle:.3g} ms", ha="center", fontsize=10)
        axes.set(ylim=(len(series) - 0.45, -0.65), xlim=(0, None), xlabel="milliseconds")
        axes.set_yticks(range(len(series)), [line(name, 15) for name, _ in series])
        axes.spines["left"].set_visible(False)

    box = _box(height, left=62, bottom=36, top=2, right=14)
    return draw(paint, size=(WIDTH, height), box=box, alt=alt)


def _thinned(values: Sequence[float], most: int = 60) -> list[float]:
    """At most `most` of the values, spread evenly over their order."""
    ordered = sorted(values)
    step = max(len(ordered) / most, 1.0)
    return [ordered[int(step * i)] for i in range(min(len(ordered), most))]


def _box(height: int, *, left: int, bottom: int, top: int, right: int = 4) -> Box:
    """Margins in pixels as the fractions that matplotlib wants."""
    return (
        left / WIDTH,
        bottom / height,
        (WIDTH - left - right) / WIDTH,
        (height - bottom - top) / height,
    )


def _digits_below(axes: Axes, notes: Sequence[str] = ("",) * CLASSES) -> None:
    axes.set_xticks(range(CLASSES), [f"{digit}\n{n}".strip() for digit, n in enumerate(notes)])
    axes.set(xlim=(-0.5, CLASSES - 0.5), xlabel="class")
    axes.spines["left"].set_visible(False)
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])


def _legend(axes: Axes, height: int, entries: Sequence[tuple[str, str, float, str]]) -> None:
    """Signs and names along the upper edge of the picture, in as many lines as they need."""
    from matplotlib.transforms import IdentityTransform

    pixels = IdentityTransform()
    x, y = axes.bbox.x0, height - 8.0
    for name, colour, alpha, sign in entries:
        width = 18 + 6.2 * len(name)
        if x + width > WIDTH:
            x, y = axes.bbox.x0, y - 16
        axes.plot(x + 4, y, sign, color=colour, alpha=alpha, ms=8, transform=pixels, clip_on=False)
        axes.text(x + 14, y, name, transform=pixels, va="center", fontsize=10)
        x += width + 8
