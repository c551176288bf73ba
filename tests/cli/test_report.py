"""`securemnist report`: where the report of a stored assessment is written again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from securemnist import report
from tests.commands import run
from tests.report import example


@pytest.fixture
def folder(cwd: Path) -> Path:
    """A working folder with a report of four rows in `reports`."""
    report.write(example.assessment(), cwd / "reports")
    return cwd


def contents(folder: Path) -> dict[str, str]:
    """The digest of each file below a folder, by its path."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def stored(path: Path) -> Path:
    """Another assessment, of one row, in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(example.assessment(findings=example.findings()[:1]).dumps())
    return path


def written(*words: str) -> Path:
    """The page that the command says it has written."""
    done = run("report", *words)
    assert done.exit_code == 0, done.output
    return Path(done.output.rsplit("report: ", 1)[1].strip())


@pytest.mark.parametrize("name", ["old/report", "elsewhere"])
def test_a_report_is_written_where_its_assessment_lies(folder: Path, name: str) -> None:
    """The report of that folder gets its page again, and the one of the working folder stays."""
    old = folder / name
    report.write(example.assessment(findings=example.findings()[:1]), old)
    before, names = contents(folder / "reports"), set(contents(old))
    (old / "index.html").unlink()
    assert written(f"{name}/assessment.json") == Path(name) / "index.html"
    assert contents(folder / "reports") == before
    assert set(contents(old)) == names


@pytest.mark.parametrize("name", ["old/assessment.json", "old/run-7.json", "run-7.json"])
def test_an_assessment_outside_of_a_report(folder: Path, name: str) -> None:
    """It gets a folder `reports` beside it, and no other file is added there."""
    path = stored(folder / name)
    page = written(name)
    assert page.resolve() == path.parent / "reports" / "index.html"
    assert page.is_file()
    assert set(path.parent.iterdir()) <= {path, path.parent / "reports"}


def test_the_usual_folder(folder: Path) -> None:
    """An assessment.json in a folder `reports`, also alone there, gets its report in it."""
    stored(folder / "other" / "reports" / "assessment.json")
    for place in (Path("reports"), Path("other/reports")):
        assert written(f"{place}/assessment.json") == place / "index.html"
        assert not (place / "reports").exists()


def test_a_copy_of_another_assessment_in_a_report(folder: Path) -> None:
    """A file of another name in a report does not replace that report."""
    before = contents(folder / "reports")
    stored(folder / "reports" / "old.json")
    assert written("reports/old.json") == Path("reports/reports/index.html")
    assert {n: d for n, d in contents(folder / "reports").items() if n in before} == before


def test_in_the_folder_of_a_report(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the working folder, too, a report is written where it lies."""
    report.write(example.assessment(), folder / "mine")
    monkeypatch.chdir(folder / "mine")
    assert written("assessment.json") == Path("index.html")
    assert not (folder / "mine" / "reports").exists()


def test_a_named_folder(folder: Path) -> None:
    """`--out` decides, wherever the assessment lies."""
    assert written("reports/assessment.json", "--out", "again") == Path("again/index.html")
