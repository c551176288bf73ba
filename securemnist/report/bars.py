"""Bars of shares and counts: upright ones for a few short labels, flat ones for names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from securemnist.view.axis import Scale
from securemnist.view.numbers import NONE
from securemnist.view.svg import BAD, INK, LETTER, LINE, MUTED, WIDTH, Drawing

_MOST_UPRIGHT, _UPRIGHT_LABEL = 10, 2  # bars, and characters of a label
_WIDEST = 40.0  # pixels of an upright bar
_ROW = 20.0  # pixels of a flat bar and the space below it


class Bar(NamedTuple):
    """A label with a share; None where nothing was measured."""

    label: str
    value: float | None


class Counts(NamedTuple):
    """A label with a count before and after a change; `before` is None without a change."""

    label: str
    before: int | None
    after: int


def shares(bars: Sequence[Bar], limit: float | None, *, alt: str) -> str:
    """Shares of something bad, from 0; `limit` is the most that the policy allows."""
    short = all(len(bar.label) <= _UPRIGHT_LABEL for bar in bars)
    draw = _upright if short and len(bars) <= _MOST_UPRIGHT else _flat
    most = max([*(bar.value or 0.0 for bar in bars), limit or 0.0, 0.004]) * 1.1
    return draw(bars, limit, most).element(alt)


def _upright(bars: Sequence[Bar], limit: float | None, most: float) -> Drawing:
    drawing = Drawing(WIDTH, 196)
    left, bottom = 4.0, 170.0
    height = Scale(0, most, 0, bottom - 22.0)
    step = (WIDTH - left) / len(bars)
    allowed = None if limit is None else bottom - height(limit)
    if allowed is not None:
        drawing.lines(INK, [(left, allowed), (WIDTH, allowed)], dash="4 3")
    width = min(step - 8, _WIDEST)
    for place, (label, value) in enumerate(bars):
        middle, high = left + (place + 0.5) * step, height(value or 0)
        drawing.text(middle, bottom + 17, label, anchor="middle")
        drawing.rect(middle - width / 2, bottom - high, width, high, BAD, alpha=0.7)
        y = bottom - high - 5
        if allowed is not None and y - 11 < allowed < y + 4:  # no line through a number
            y = allowed - 4
        drawing.text(middle, y, _percent(value), INK, size=11, anchor="middle", halo=True)
    drawing.lines(LINE, [(left, bottom), (WIDTH, bottom)])
    return drawing


def _flat(bars: Sequence[Bar], limit: float | None, most: float) -> Drawing:
    drawing = Drawing(WIDTH, _ROW * len(bars) + 4)
    left = margin(bar.label for bar in bars)
    width = Scale(0, most, 0, WIDTH - left - 40.0)
    allowed = None if limit is None else left + width(limit)
    if allowed is not None:
        drawing.lines(INK, [(allowed, 0), (allowed, drawing.height)], dash="4 3")
    for place, (label, value) in enumerate(bars):
        y, long = _ROW * place + 2, width(value or 0)
        drawing.text(left - 6, y + 12, label, anchor="end")
        drawing.rect(left, y, long, _ROW - 5, BAD, alpha=0.7)
        x, text = left + long + 5, _percent(value)
        if allowed is not None and x - 2 < allowed < x + LETTER * len(text):
            x = allowed + 4  # no line through a number
        drawing.text(x, y + 12, text, INK, halo=True)
    drawing.lines(LINE, [(left, 0), (left, drawing.height)])
    return drawing


def counts(bars: Sequence[Counts], *, names: tuple[str, str], alt: str) -> str:
    """Counts as flat bars, those before a change above those after it; `names` of both."""
    changed = any(bar.before is not None for bar in bars)
    row, top = (_ROW + 8, 22.0) if changed else (_ROW, 2.0)
    drawing = Drawing(WIDTH, row * len(bars) + top + 2)
    left = margin(bar.label for bar in bars)
    most = max([1, *(max(bar.before or 0, bar.after) for bar in bars)])
    width = Scale(0, most, 0, WIDTH - left - 44.0)
    kinds = [(names[0], MUTED, 0.6), (names[1], BAD, 0.7)]
    if changed:
        drawing.legend(left, kinds)
    for place, (label, *both) in enumerate(bars):
        y = top + place * row
        thick = (row - 6) / 2 if changed else row - 5
        drawing.text(left - 6, y + (row - 5) / 2 + 4, label, anchor="end")
        for count, (_, role, alpha) in zip(both, kinds, strict=True):
            if count is not None:
                drawing.rect(left, y, width(count), thick, role, alpha=alpha)
                drawing.text(
                    left + width(count) + 5, y + thick / 2 + 3.5, f"{count:,}", INK, size=10
                )
                y += thick
    drawing.lines(LINE, [(left, top), (left, drawing.height)])
    return drawing.element(alt)


def margin(labels: Iterable[str]) -> float:
    """Pixels to the left of a picture whose rows have these labels."""
    longest = max(map(len, labels), default=0)
    return 22.0 if longest <= _UPRIGHT_LABEL else 12.0 + LETTER * longest


def _percent(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.1f}"
