"""Trend page: one small chart for each requirement and each benchmark figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securemnist.history.record import Record
from securemnist.results.findings import Verdict
from securemnist.results.verdicts import utc_day
from securemnist.sanitize import line
from securemnist.view import html
from securemnist.view.wording import NONE, SYMBOLS, plural, version

MAX_POINTS = 30  # entries in a chart, the latest ones
_TEMPLATES = Path(__file__).parent / "templates"
_LEFT, _STEP, _TOP, _HIGH = 60, 14, 12, 90


@dataclass(frozen=True, kw_only=True)
class Point:
    """One entry in a chart: coordinates, and the values of its table row."""

    x: float
    y: float | None
    commit: str
    version: str
    value: str
    interval: str
    low: float | None
    high: float | None
    symbol: str
    kind: str
    day: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One small chart: `line` is an SVG path through the values, `bound` the height of the threshold."""

    name: str
    title: str
    points: tuple[Point, ...]
    line: str
    width: float
    bottom: float
    first: str
    last: str
    bound: float | None
    required: str


def models(record: Record) -> list[str]:
    """Names of the assessed models, in the order of the record."""
    models = dict.fromkeys(entry.model for entry in record.lines if entry.kind == "assessment")
    return list(dict.fromkeys(line(model, 80) for model in models))


def render(record: Record, model: str | None = None, *, today: str | None = None) -> bytes:
    """The page of one model (default: the latest in the record); equal records give equal bytes.

    `today` (ISO date, UTC; default: the present day) decides whether a waiver is still in effect.
    """
    assessments = [a for a in record.lines if a.kind == "assessment"]
    last = line(assessments[-1].model, 80) if assessments else ""
    name = last if model is None else model
    of_model = [
        a.entry for a in [a for a in assessments if line(a.model, 80) == name][-MAX_POINTS:]
    ]
    benchmarks = [b.entry for b in [b for b in record.lines if b.kind == "bench"][-MAX_POINTS:]]
    return html.render(
        "trend.html.j2",
        _TEMPLATES,
        model=name or "no model",
        others=[other for other in models(record) if other != name],
        count=plural(len(of_model), "assessment"),
        damaged=plural(record.damaged, "unreadable line") if record.damaged else "",
        last=_last(of_model, today or utc_day()),
        rows=[_row_chart(row, of_model) for row in _names(of_model, "rows")],
        figures=[_figure_chart(figure, benchmarks) for figure in _names(benchmarks, "figures")],
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
    return {"verdict": verdict.lower().replace("_", "-"), "symbol": SYMBOLS[verdict], "words": text}


def _names(entries: Iterable[Mapping[str, Any]], key: str) -> list[str]:
    """Names of all charts, in the order of the latest entries."""
    names: dict[str, None] = {}
    for entry in reversed(list(entries)):
        table = entry.get(key)
        names.update(dict.fromkeys(table if isinstance(table, dict) else ()))
    return list(names)[:200]


def _row_chart(name: str, entries: Sequence[Mapping[str, Any]]) -> Chart:
    rows = [_table(_table(entry, "rows"), name) for entry in entries]
    newest: Mapping[str, Any] = next((row for row in reversed(rows) if row), {})
    sign = {">=": "≥", "<=": "≤"}.get(str(newest.get("relation")), "")
    bound = _number(newest.get("threshold"))
    return _chart(
        name,
        line(newest.get("measure", ""), 60),
        entries,
        [(_number(r.get("value")), _number(r.get("low")), _number(r.get("high"))) for r in rows],
        [str(row.get("verdict", "")) for row in rows],
        [str(row.get("asked", "")) for row in rows],
        bound,
        "" if bound is None else f"{sign} {bound:g}",
    )


def _figure_chart(name: str, entries: Sequence[Mapping[str, Any]]) -> Chart:
    values = [_number(_table(entry, "figures").get(name)) for entry in entries]
    return _chart(
        name,
        "seconds",
        entries,
        [(v, None, None) for v in values],
        [""] * len(values),
        [""] * len(values),
        None,
        "",
    )


def _chart(
    name: str,
    title: str,
    entries: Sequence[Mapping[str, Any]],
    values: Sequence[tuple[float | None, float | None, float | None]],
    verdicts: Sequence[str],
    asked: Sequence[str],
    bound: float | None,
    required: str,
) -> Chart:
    marks = [mark for value in (*values, (bound,)) for mark in value if mark is not None] or [0.0]
    spread = max(max(marks) - min(marks), 0.02 * max(map(abs, marks)), 1e-9)
    low, high = min(marks) - 0.1 * spread, max(marks) + 0.1 * spread

    def height(mark: float) -> float:
        return round(_TOP + _HIGH * (high - mark) / (high - low), 2)

    points = tuple(
        Point(
            x=_LEFT + _STEP * place,
            y=None if value is None else height(value),
            low=None if low_end is None else height(low_end),
            high=None if high_end is None else height(high_end),
            commit=line(entry.get("commit", "") or NONE, 60)[:7],
            version=version("", entry.get("commit"), entry.get("digest")).removeprefix(
                "unnamed model"
            ),
            value="no number" if value is None else f"{value:.4g}",
            interval=""
            if low_end is None or high_end is None
            else f"{low_end:.4g} to {high_end:.4g}",
            symbol=SYMBOLS[Verdict(verdict)] if verdict in list(Verdict) else "",
            kind=verdict.lower().replace("_", "-") if verdict in list(Verdict) else "none",
            day=line(entry.get("time", ""), 30)[:16].replace("T", " "),
        )
        for place, (entry, (value, low_end, high_end), verdict) in enumerate(
            zip(entries, values, verdicts, strict=True)
        )
    )
    drawn = [(p, key) for p, key in zip(points, asked, strict=True) if p.y is not None]
    # A number with other settings or data starts a new line segment.
    before = [None, *(key for _, key in drawn)]
    path = " ".join(
        f"{'L' if key == last else 'M'}{p.x} {p.y}"
        for (p, key), last in zip(drawn, before, strict=False)
    )
    return Chart(
        name=line(name, 60),
        title=title,
        points=points,
        line=path,
        width=_LEFT + _STEP * len(points),
        bottom=_TOP + _HIGH,
        first=f"{high:.4g}",
        last=f"{low:.4g}",
        bound=None if bound is None else height(bound),
        required=required,
    )


def _table(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = value.get(key)
    return found if isinstance(found, dict) else {}


def _number(value: Any) -> float | None:
    valid = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if valid and abs(value) < 1e12 and math.isfinite(value) else None
