"""The order of a history: by when assessments were made, not by when they were added."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from securemnist.history import entry, trend
from securemnist.results.assessment import Assessment
from tests.comparison.builders import assessment, codes, robust
from tests.history.test_trend import history, version
from tests.report.markup import Markup


def at(time: str, commit: str, broken: int) -> Assessment:
    """An assessment that was made at this time, or on this day."""
    data = version(commit, broken).to_json()
    data["day"] = time[:10]
    data["environment"] |= {"time": time} if "T" in time else {}
    return Assessment.from_json(data)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("2026-11-20T10:00:00+00:00", "2026-11-20T10:00:01+00:00"),
        ("2026-11-20T11:30:00+02:00", "2026-11-20T10:00:00+00:00"),  # of other zones
        ("2026-11-20", "2026-11-21"),  # a day alone
        ("2026-11-20", "2026-11-20T00:00:01+00:00"),
    ],
)
def test_an_older_assessment_that_is_added_later(older: str, newer: str, tmp_path: Path) -> None:
    """It stands before the newer one in chart and table, and does not give the latest verdict."""
    versions = at(newer, "c3" * 20, 0), at(older, "a1" * 20, 900)
    html = trend.render(history(tmp_path / "h.jsonl", *versions)).decode()
    assert "Latest assessment failed" not in Markup(html).text
    picture, _, rows = html[html.index("<svg") :].partition("</svg>")
    assert picture.index("a1a1a1a") < picture.index("c3c3c3c")
    assert rows.index("c3c3c3c") < rows.index("a1a1a1a")  # the table begins with the newest


def test_the_thresholds_of_the_newest_assessment(tmp_path: Path) -> None:
    """A chart has the bound of the assessment that was made last, not of the one added last."""
    newer, older = at("2026-11-21", "c3" * 20, 0), at("2026-11-20", "a1" * 20, 0).to_json()
    older["findings"][0]["requirement"]["at_least"] = 0.5
    versions = newer, Assessment.from_json(older)
    assert "required ≥ 0.92" in trend.render(history(tmp_path / "h.jsonl", *versions)).decode()


def test_thirty_newest_assessments_are_shown(tmp_path: Path) -> None:
    """Of more, the ones that were made last are shown, whatever the order of adding."""
    times = [f"2026-11-20T10:{minute:02}:00+00:00" for minute in range(trend.MAX_POINTS + 1)]
    versions = [at(time, f"{k:02x}" * 20, 9) for k, time in enumerate(times)]
    html = trend.render(history(tmp_path / "h.jsonl", *reversed(versions))).decode()
    assert "0000000" not in html
    assert "0101010" in html


def test_the_model_that_was_assessed_last(tmp_path: Path) -> None:
    """Without a name the page shows it, also where an older one of another model was added later."""
    other = assessment(robust(codes(range(7))), day="2025-01-01")
    entries = history(tmp_path / "h.jsonl", at("2026-11-20", "a1" * 20, 700), other)
    assert "a1a1a1a" in trend.render(entries).decode()
    assert trend.models(entries)[-1] == "reader new"


def recorded(**fields: Any) -> dict[str, Any]:
    """An entry of these fields, recorded at noon."""
    return {"kind": "assessment", "time": "2026-11-25T12:00:00+00:00", **fields}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"made": "2026-11-20T10:00:00Z", "day": "2026-11-20"}, "2026-11-20T10:00:00"),
        ({"day": "2026-11-20"}, "2026-11-20"),  # of an older version of this program
        ({"day": "2026-11-25"}, "2026-11-25T12:00:00"),
        ({"made": "9999-01-01T00:00:00Z", "day": "9999-01-01"}, "2026-11-25T12:00:00"),
        ({"made": ["x"], "day": 7}, "2026-11-25T12:00:00"),
        ({"time": "noon"}, ""),
        ({"time": "noon", "made": "2026-11-20T10:00:00Z"}, "2026-11-20T10:00:00"),
    ],
)
def test_the_time_of_an_entry(fields: dict[str, Any], expected: str) -> None:
    """An entry counts from when it was made, never later than from its recording."""
    assert entry.when(recorded(**fields)) == expected
