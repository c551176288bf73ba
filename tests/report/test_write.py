"""Writing the report: all of it or nothing of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from securemnist import exports, report
from securemnist.errors import UsageError
from securemnist.results.assessment import Assessment
from tests.report import example

OLD = {name: f"old {name}".encode() for name in report.FILES}


@pytest.fixture(autouse=True)
def _no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are no GitHub job, wherever they run."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)


def _small() -> Assessment:
    return example.assessment(findings=example.findings()[-3:])


def _with_old_report(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in OLD.items():
        (folder / name).write_bytes(content)
    return folder


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_all_files_are_written(tmp_path: Path) -> None:
    """Page, summary, JSON and the files for other programs lie in the folder, and nothing else does."""
    report.write(_small(), tmp_path / "made" / "here")
    expected = {*report.FILES, *exports.render(_small()), "report.json"}
    assert set(_content(tmp_path / "made" / "here")) == expected


def test_the_report_can_be_made_again_from_its_json(tmp_path: Path) -> None:
    """Reading assessment.json and writing it again gives equal bytes in every file."""
    report.write(example.assessment(), tmp_path / "a")
    report.write(Assessment.load(tmp_path / "a" / "assessment.json"), tmp_path / "b")
    assert _content(tmp_path / "a") == _content(tmp_path / "b")


def test_a_new_report_replaces_the_old(tmp_path: Path) -> None:
    """Every old file is replaced."""
    report.write(_small(), _with_old_report(tmp_path))
    assert not set(_content(tmp_path).values()) & set(OLD.values())
    assert json.loads((tmp_path / "assessment.json").read_bytes())["exit_code"] == 3


@pytest.mark.parametrize("name", ["page", "markdown"])
def test_a_failing_renderer_leaves_the_old_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Nothing is written before everything is rendered."""

    def fail(_: Assessment, **__: object) -> bytes:
        raise RuntimeError("no")

    monkeypatch.setattr(getattr(report, name), "render", fail)
    with pytest.raises(RuntimeError):
        report.write(_small(), _with_old_report(tmp_path))
    assert _content(tmp_path) == OLD


def test_a_full_disk_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the files do not fit, the old report stays whole and the sentence says why."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    out = _with_old_report(tmp_path / "out")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UsageError, match="No space left on device; name another folder"):
        report.write(_small(), out)
    assert _content(out) == OLD
    assert list(tmp_path.iterdir()) == [out]


def test_a_folder_in_the_place_of_a_file_leaves_the_old_report(tmp_path: Path) -> None:
    """What cannot be replaced is found before anything is."""
    folder = _with_old_report(tmp_path)
    (folder / "summary.md").unlink()
    (folder / "summary.md").mkdir()
    with pytest.raises(UsageError, match="expected a file or nothing, got a folder"):
        report.write(_small(), folder)
    assert (folder / "index.html").read_bytes() == OLD["index.html"]


@pytest.mark.parametrize("inside", ["", "deeper"])
def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path, inside: str) -> None:
    """A path through a file is one sentence: expected, got, what to do."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"expected a folder .* got .*; name another folder"):
        report.check_writable(tmp_path / "file" / inside)


def test_checking_leaves_no_trace(tmp_path: Path) -> None:
    """Trying out a folder puts nothing in it, and unmakes it where there was none."""
    (tmp_path / "old").mkdir()
    for name in ("old", "new/deeper"):
        report.check_writable(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["old"]


def test_a_job_s_summary_is_appended_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a GitHub job the summary is added once to what is there."""
    page = tmp_path / "step.md"
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    report.write(_small(), tmp_path / "out")
    summary = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert page.read_text(encoding="utf-8") == f"before\n{summary}"


def test_a_job_without_its_summary_file_is_told_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A summary that cannot be appended is found before the run, not after it."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", os.fspath(tmp_path))
    with pytest.raises(UsageError, match="GITHUB_STEP_SUMMARY: expected a file to append to"):
        report.check_writable(tmp_path / "out")


def test_a_summary_does_not_grow_beyond_what_github_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub shows nothing of a page over 1 MiB: a sentence takes the place of what does not fit."""
    page = tmp_path / "step.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    page.write_bytes(b"x" * (report.MAX_STEP_SUMMARY - 200))
    report.append_step_summary(b"y" * 200)
    assert page.stat().st_size == report.MAX_STEP_SUMMARY
    page.write_bytes(b"x" * (report.MAX_STEP_SUMMARY - 200))
    report.append_step_summary(b"y" * 201)
    assert page.read_bytes().rstrip().endswith(b"read summary.md of the report.")
    report.append_step_summary(b"y" * 201)
    assert page.stat().st_size <= report.MAX_STEP_SUMMARY
