"""Trend page: one small chart for each requirement and each benchmark figure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from securemnist.history.entry import when
from securemnist.history.record import Record
from securemnist.results.findings import Verdict
from securemnist.results.json_model import table
from securemnist.results.verdicts import utc_day
from securemnist.sanitize import line
from securemnist.view import jinja
from securemnist.view.axis import Scale
from securemnist.view.figure import Exhibit, Table
from securemnist.view.numbers import NONE, plural
from securemnist.view.svg import GOOD, INK, LINE, MUTED, Drawing
from securemnist.view.wording import SYMBOLS, kind, version

MAX_POINTS = 30  # entries in a chart, the latest ones
_TEMPLATES = Path(__file__).parent / "templates"
_LEFT, _STEP, _TOP, _BOTTOM = 60, 14, 12, 102
_HEAD = ("version", "time (UTC)", "value", "95 % interval", "verdict")


def models(record: Record) -> list[str]:
    """Names of the assessed models, in the order of their first assessments."""
    models = dict.fromkeys(entry.model for entry in record.by_time("assessment"))
    return list(dict.fromkeys(line(model, 80) for model in models))


def render(record: Record, model: str | None = None, *, today: str | None = None) -> bytes:
    """The page of one model (default: the one assessed last); equal records give equal bytes.

    `today` (ISO date, UTC; default: the present day) decides whether a waiver is still in effect.
    """
    assessments = record.by_time("assessment")
    last = line(assessments[-1].model, 80) if assessments else ""
    name = last if model is None else model
    of_model = [
        a.entry for a in [a for a in assessments if line(a.model, 80) == name][-MAX_POINTS:]
    ]
    benchmarks = [b.entry for b in record.by_time("bench")[-MAX_POINTS:]]
    return jinja.page(
        "trend.html.j2",
        _TEMPLATES,
        model=name or "no model",
        others=[other for other in models(record) if other != name],
        count=plural(len(of_model), "assessment"),
        damaged=plural(record.damaged, "unreadable line") if record.damaged else "",
        last=_last(of_model, today or utc_day()),
        rows=[_requirement_chart(row, of_model) for row in _names(of_model, "rows")],
        figures=[_benchmark_chart(figure, benchmarks) for figure in _names(benchmarks, "figures")],
    )


def _last(entries: Sequence[Mapping[str, Any]], today: str) -> Mapping[str, str]:
    """Verdict and sentence of the latest entry."""
    if not entries:
        return {"verdict": "not-run", "symbol": NONE, "words": "No assessment recorded yet"}
    code, through = (entries[-1].get(key) for key in ("exit_code", "waived_through"))
    known = {"0": Verdict.PASS, "1": Verdict.FAIL}
    verdict = known.get(str(code), Verdict.INCONCLUSIVE)
    text = {
        Verdict.PASS: "Latest assessment passed",
        Verdict.FAIL: "Latest assessment failed",
        Verdict.INCONCLUSIVE: "Latest assessment is undecided",
    }[verdict]
    if verdict is Verdict.PASS and entries[-1].get("complete") is not True:
        text = "Latest assessment covered a part of its policy, and no row of it failed"
        verdict = Verdict.NOT_RUN
    if code == 0 and through and not (isinstance(through, str) and today <= through):
        text = f"Latest assessment needed a waiver that expired on {line(through, 20)}"
        verdict = Verdict.INCONCLUSIVE
    return {"verdict": kind(verdict), "symbol": SYMBOLS[verdict], "words": text}


def _names(entries: Iterable[Mapping[str, Any]], key: str) -> list[str]:
    """Names of all charts, in the order of the latest entries."""
    names: dict[str, None] = {}
    for entry in reversed(list(entries)):
        names.update(dict.fromkeys(table(entry.get(key))))
    return list(names)[:200]


class _Point(NamedTuple):
    """One entry of the record in a chart. `asked` names settings and data: equal ones share a line."""

    entry: Mapping[str, Any]
    value: float | None
    low: float | None = None
    high: float | None = None
    verdict: Verdict | None = None
    asked: str = ""


def _requirement_chart(name: str, entries: Sequence[Mapping[str, Any]]) -> Exhibit:
    rows = [table(table(entry.get("rows")).get(name)) for entry in entries]
    newest: Mapping[str, Any] = next((row for row in reversed(rows) if row), {})
    sign = {">=": "≥", "<=": "≤"}.get(str(newest.get("relation")), "")
    bound = _number(newest.get("threshold"))
    caption = line(newest.get("measure", ""), 60)
    caption += "" if bound is None else f", required {sign} {bound:g}"
    points = [
        _Point(
            entry,
            _number(row.get("value")),
            low=_number(row.get("low")),
            high=_number(row.get("high")),
            verdict=next((v for v in Verdict if v == row.get("verdict")), None),
            asked=str(row.get("asked", "")),
        )
        for entry, row in zip(entries, rows, strict=True)
    ]
    return _chart(name, caption, points, bound)


def _benchmark_chart(name: str, entries: Sequence[Mapping[str, Any]]) -> Exhibit:
    points = [_Point(entry, _number(table(entry.get("figures")).get(name))) for entry in entries]
    return _chart(name, "seconds", points, None)


def _chart(name: str, caption: str, points: Sequence[_Point], bound: float | None) -> Exhibit:
    """The values with their intervals, day and commit under each, and the same as a table."""
    marks = [m for p in points for m in (p.value, p.low, p.high) if m is not None]
    marks = [*marks, *([] if bound is None else [bound])] or [0.0]
    spread = max(max(marks) - min(marks), 0.02 * max(map(abs, marks)), 1e-9)
    y = Scale(min(marks) - 0.1 * spread, max(marks) + 0.1 * spread, _BOTTOM, _TOP)
    width = _LEFT + _STEP * len(points)
    drawing = Drawing(width, _BOTTOM + 104)
    drawing.lines(LINE, [(50, _BOTTOM), (width, _BOTTOM)])
    # Not the ends of the scale: no share is below 0.
    for number in sorted({min(marks), max(marks)}):
        drawing.text(46, y(number) + 3, f"{number:.4g}", size=10, anchor="end")
    if bound is not None:
        drawing.lines(INK, [(50, y(bound)), (width, y(bound))], dash="4 3")
    drawn = [(_LEFT + _STEP * k, p) for k, p in enumerate(points) if p.value is not None]
    # A number with other settings or data starts a new line.
    for _, part in itertools.groupby(drawn, key=lambda item: item[1].asked):
        drawing.lines(GOOD, [(x, y(p.value or 0.0)) for x, p in part], width=1.5)
    for x, point in drawn:
        _draw(drawing, x, y, point)
    for k, point in enumerate(points):
        day, commit = _day(point.entry)[2:10], line(point.entry.get("commit", "") or NONE, 60)[:7]
        x = _LEFT + _STEP * k + 3
        drawing.text(x, _BOTTOM + 96, f"{day} {commit}", size=10, vertical=True)
    alt = f"{line(name, 60)} over {len(points)} entries; the numbers follow as a table"
    picture = drawing.element(alt)
    numbers = Table(head=_HEAD, rows=tuple(map(_cells, reversed(points))))
    return Exhibit.drawn("trend", line(name, 60), caption, picture, numbers)


def _draw(drawing: Drawing, x: float, y: Scale, point: _Point) -> None:
    """The interval, and a cross for a failure or a dot in the colour of the verdict."""
    value = y(point.value or 0.0)
    if point.low is not None and point.high is not None:
        drawing.lines(MUTED, [(x, y(point.low)), (x, y(point.high))], width=1.2, alpha=0.6)
    if point.verdict is Verdict.FAIL:
        cross = [((x - 4, value - s), (x + 4, value + s)) for s in (4, -4)]
        drawing.lines(kind(point.verdict), *cross, width=2.5)
    else:
        role = GOOD if point.verdict is None else kind(point.verdict)
        drawing.mark(x, value, "dot", role, size=4)


def _cells(point: _Point) -> tuple[str, ...]:
    """A row of the table: version, time, value, interval, verdict."""
    entry = point.entry
    model = version("", entry.get("commit"), entry.get("digest")).removeprefix("unnamed model")
    known = point.low is not None and point.high is not None
    return (
        model or NONE,
        _day(entry),
        "no number" if point.value is None else f"{point.value:.4g}",
        f"{point.low:.4g} to {point.high:.4g}" if known else NONE,
        NONE if point.verdict is None else f"{SYMBOLS[point.verdict]} {kind(point.verdict)}",
    )


def _day(entry: Mapping[str, Any]) -> str:
    return when(entry)[:16].replace("T", " ")


def _number(value: Any) -> float | None:
    valid = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if valid and abs(value) < 1e12 and math.isfinite(value) else None
