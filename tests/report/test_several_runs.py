"""Several runs write reports into one folder at the same time."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import threading
from pathlib import Path

import pytest
from click.testing import Result

from securemnist.report import folder, manifest, swap
from securemnist.results.assessment import Assessment
from tests.commands import run
from tests.comparison.builders import assessment, codes, robust

RUNS, TIMES = 4, 8


def _files(run: int) -> dict[str, bytes]:
    """A report in which every file, and the name of some, says which run it is of."""
    own = {f"adversarial/ROW-{run}-{number}.npz": b"" for number in range(5)}
    names = ("index.html", "assessment.json", "summary.md", f"only-{run}.txt", *own)
    return dict.fromkeys(names, f"run {run}".encode())


def _publish(out: Path, run: int, way: str) -> None:
    if way == "in place":
        swap._exchange = lambda *_: False
    for _ in range(TIMES):
        folder.publish(out, _files(run))


@pytest.mark.parametrize("way", ["swap", "in place"])
def test_a_report_is_of_one_run(tmp_path: Path, way: str) -> None:
    """Four processes publish at once: none fails, and the folder holds the files of one of them."""
    out = tmp_path / "out"
    fork = multiprocessing.get_context("fork")
    runs = [fork.Process(target=_publish, args=(out, number, way)) for number in range(RUNS)]
    for each in runs:
        each.start()
    for each in runs:
        each.join(60)
    assert [each.exitcode for each in runs] == [0] * RUNS
    found = manifest.owned(out)
    assert found in [_files(number) for number in range(RUNS)]
    assert {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} == {
        manifest.NAME,
        *found,
    }
    assert list(tmp_path.iterdir()) == [out]


def test_what_is_added_stays_with_its_report(tmp_path: Path) -> None:
    """A comparison that is added while a run publishes leaves that run's report, and no older one."""
    out = tmp_path / "out"
    folder.publish(out, _files(0))
    with swap.alone(out):
        adding = threading.Thread(target=folder.add, args=(out, {"compare.html": b"c"}))
        adding.start()
        folder.publish(out, _files(1))
    adding.join(60)
    assert manifest.owned(out) == {**_files(1), "compare.html": b"c"}


def test_a_report_is_made_again_from_one_run(tmp_path: Path) -> None:
    """`report` waits for the run that replaces the folder, and renders the new assessment."""
    out = tmp_path / "reports"
    old, new = (
        assessment(robust(codes(range(700)))),
        assessment(robust(codes(range(9))), digest="n"),
    )
    folder.publish(out, {"assessment.json": old.dumps(), "compare.html": b"old"})
    results: list[Result] = []
    with swap.alone(out):
        again = threading.Thread(
            target=lambda: results.append(run("report", str(out / "assessment.json")))
        )
        again.start()
        folder.publish(out, {"assessment.json": new.dumps(), "benchmark.json": b"new"})
    again.join(60)
    assert results[0].exit_code == 0, results[0].output
    assert Assessment.load(out / "assessment.json").subject == new.subject
    assert "benchmark.json" in manifest.owned(out)
    assert "compare.html" not in manifest.owned(out)


def test_a_run_does_not_wait_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that keeps the folder locked ends another one in a sentence, with exit code 2."""
    monkeypatch.setattr(swap, "SECONDS", 0.1)
    (tmp_path / "a.json").write_bytes(assessment(robust(codes(range(700)))).dumps())
    with swap.locked(tmp_path):
        done = run("report", str(tmp_path / "a.json"), "--out", str(tmp_path / "out" / "r"))
    assert done.exit_code == 2
    assert "another process keeps it locked" in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where folders cannot be locked, a report is written without a lock."""

    def refuse(*_: object) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", refuse)
    folder.publish(tmp_path / "out", _files(0))
    assert manifest.owned(tmp_path / "out") == _files(0)
