"""The trend page: one chart for each requirement, with commits, and sanitised text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from benchmarks import figures
from securemnist.cli import main
from securemnist.history import entry, record, trend
from securemnist.input_spec import InputSpec
from securemnist.results.assessment import Assessment
from securemnist.results.findings import Waiver
from tests.comparison.builders import assessment, changed, codes, robust
from tests.report import hostile
from tests.report.markup import Markup

PAGE = """### FGSM, 10 images
| side | batch | seconds (range) | left |
|---|---|---|---|
| securemnist | 128 | 2.52 (2.42-2.63) | 0.1 |
| ART | 256 | 7.11 (6.96-8.43) | 0.2 |
"""


def version(commit: str, broken: int) -> Assessment:
    """An assessment at this commit."""
    data = assessment(robust(codes(range(broken)), at_least=0.92), digest="new").to_json()
    data["environment"]["commit"] = commit
    return Assessment.from_json(data)


def history(path: Path, *versions: Assessment) -> record.Record:
    """A record of these versions and a benchmark."""
    for one in versions:
        record.append(path, entry.assessment_entry(one))
    record.append(path, entry.benchmark_entry(figures.seconds(PAGE.splitlines()), "b" * 40))
    return record.read(path)


def test_trend_has_chart_per_requirement(tmp_path: Path) -> None:
    """The page has values, verdicts and commits of each row, and the benchmarks' seconds."""
    versions = version("a1" * 20, 700), version("c3" * 20, 900)
    html = trend.render(history(tmp_path / "h.jsonl", *versions)).decode()
    text = Markup(html).text
    assert "✗ Latest assessment failed" in text
    for phrase in ("ADV-03", "required ≥ 0.92", "a1a1a1a", "c3c3c3c", "0.93", "0.91"):
        assert phrase in text
    for phrase in ("FGSM, 10 images: securemnist", "2.52", "bbbbbbb"):
        assert phrase in text
    assert html.count("<circle") == 3
    assert html.count('<circle class="fill-pass"') == 1
    assert html.count('<path class="stroke-fail"') == 1


@pytest.mark.parametrize(
    ("value", "labels"), [(0.0, ["0"]), (0.5, ["0.5", "0.9"])], ids=["constant", "two numbers"]
)
def test_axis_has_numbers_of_the_chart_alone(value: float, labels: list[str]) -> None:
    """The ends are the smallest and the largest number shown, never a share below 0."""
    points = [trend._Point({"time": "2026-11-29", "commit": "a1"}, value)]
    picture = str(trend._chart("A", "b", points, None if value == 0 else 0.9))
    assert re.findall(r'text-anchor="end"[^>]*>([^<]*)<', picture) == labels


@pytest.mark.parametrize(
    ("today", "phrase"), [("2026-12-31", "passed"), ("2027-01-01", "a waiver")]
)
def test_trend_after_waiver_expired(today: str, phrase: str, tmp_path: Path) -> None:
    """A pass that rested on an expired waiver is not shown as a pass."""
    waiver = Waiver(reason="retraining is scheduled", expires="2026-12-31")
    failing = changed(robust(codes(range(900)), at_least=0.92), waiver=waiver)
    waived = assessment(failing, robust(codes(range(9)), name="ADV-04"), digest="new")
    page = trend.render(history(tmp_path / "h.jsonl", waived), today=today).decode()
    text = Markup(page).text
    assert phrase in text
    assert ("✓ Latest assessment passed" in text) is (today == "2026-12-31")


@pytest.mark.parametrize("change", ["data", "names", "images", "nothing"])
def test_trend_line_breaks_at_changed_settings(change: str, tmp_path: Path) -> None:
    """Numbers of other data or settings are points of the chart, but not of its line."""
    before, after = version("a1" * 20, 700).to_json(), version("c3" * 20, 900).to_json()
    if change == "data":
        after["subject"]["data"] = {"name": "theirs", "digests": {"t10k": "0" * 64}}
    if change == "names":
        spec = InputSpec(1, 28, 28, 10, tuple("abcdefghij"))
        after["subject"]["data"]["spec"] = spec.to_json()
    if change == "images":
        after["findings"][0]["requirement"]["settings"] |= {"images": 500}
    versions = map(Assessment.from_json, (before, after))
    html = trend.render(history(tmp_path / "h.jsonl", *versions)).decode()
    chart = html[: html.index("Benchmarks")]
    lines = re.findall(r'class="stroke-good" fill="none" d="([^"]*)"', chart)
    paths = [re.sub(r"[^ML]", "", line) for line in lines]
    assert paths == (["ML"] if change == "nothing" else ["M", "M"])


def test_trend_shows_one_model(tmp_path: Path) -> None:
    """The page shows one model and names the others."""
    other = assessment(robust(codes(range(7))))
    entries = history(tmp_path / "h.jsonl", version("a1" * 20, 700), other)
    assert Markup(trend.render(entries).decode()).text.count("a1a1a1a") == 0
    assert "a1a1a1a" in trend.render(entries, "reader new").decode()


@pytest.mark.parametrize("text", hostile.TEXTS, ids=range(len(hostile.TEXTS)))
def test_trend_sanitises_entries(text: str, tmp_path: Path) -> None:
    """Hostile texts of an entry are only shown."""
    odd: dict[str, Any] = {"verdict": text, "value": text, "threshold": [text], "measure": text}
    rows = {text: odd, "x": 7, "y": {**odd, "value": 1e300}}
    odd_entry = {
        "kind": "assessment",
        "model": text,
        "commit": text,
        "exit_code": text,
        "rows": rows,
    }
    path = tmp_path / "h.jsonl"
    record.append(path, json.loads(json.dumps(odd_entry)))
    record.append(path, {"kind": "bench", "figures": {text: 1.0}, "commit": text, "time": text})
    markup = Markup(trend.render(record.read(path)).decode())
    assert not markup.tags & {"script", "evil-tag"}
    assert "style" not in markup.attributes


def run(*words: str) -> Result:
    """One command in this process."""
    return CliRunner().invoke(main, ["history", *words], catch_exceptions=False)


def test_history_commands(cwd: Path) -> None:
    """One command appends, another writes the page; without an entry the page says what to do."""
    (cwd / "assessment.json").write_bytes(version("a1" * 20, 700).dumps())
    assert run("page").exit_code == 2
    assert run("add", "assessment.json", "assessment.json").exit_code == 0
    done = run("page", "--out", "here")
    assert done.exit_code == 0
    assert "(2 entries)" in done.output
    assert "a1a1a1a" in (cwd / "here" / "history.html").read_text()
    assert run("add", "gone.json").exit_code == 2


def test_unknown_model_is_usage_error(cwd: Path) -> None:
    """A model without an entry has no page; the sentence names the recorded models."""
    (cwd / "assessment.json").write_bytes(version("a1" * 20, 700).dumps())
    assert run("add", "assessment.json").exit_code == 0
    refused = run("page", "--model", "nobody")
    assert refused.exit_code == 2
    assert "expected a recorded model (reader new), got 'nobody'" in refused.output
    assert not (cwd / "reports").exists()
    done = run("page", "--model", "reader new")
    assert "(1 entry)" in done.output
    assert "1 assessment, the newest last" in (cwd / "reports" / "history.html").read_text()


def page_text(entry: dict[str, Any], folder: Path) -> str:
    """The text of the page of a record with one entry."""
    path = folder / f"{len(list(folder.iterdir()))}.jsonl"
    record.append(path, entry)
    return Markup(trend.render(record.read(path)).decode()).text


def test_partial_run_is_not_shown_as_pass(tmp_path: Path) -> None:
    """The page says that an assessment covered a part of its policy."""
    whole = {"schema": 1, **entry.assessment_entry(version("a1" * 20, 0)), "exit_code": 0}
    unknown = {key: value for key, value in whole.items() if key != "complete"}
    for partial in ({**whole, "complete": False}, unknown):
        text = page_text(partial, tmp_path)
        assert "a part of its policy" in text
        assert "passed" not in text
    assert "Latest assessment passed" in page_text({**whole, "complete": True}, tmp_path)


def test_trend_table_has_version_time_and_interval(tmp_path: Path) -> None:
    """The table gives version, time and 95 % interval of each number, the chart day and commit."""
    html = trend.render(history(tmp_path / "h.jsonl", version("a1" * 20, 700))).decode()
    row = version("a1" * 20, 700).findings[0].measurement
    assert row is not None
    assert f"{row.low:.4g} to {row.high:.4g}" in html
    assert "@a1a1a1a (newnewn)" in html
    assert html.count('<path class="stroke-muted"') == 1
