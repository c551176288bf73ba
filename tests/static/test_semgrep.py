"""Semgrep: local rules, every file by name, offline, nothing left behind."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from securemnist.errors import MeasureError
from securemnist.static import PythonFiles, semgrep
from securemnist.static.issue import ToolReport
from securemnist.static.reading import SourceFile
from tests.static.conftest import CLEAN, Write, report_of
from tests.static.test_reading import HIDDEN


def test_semgrep_reads_every_file(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore files and names like options hide nothing, and no network is needed."""
    names = [
        "-x.py",
        "new\nline.py",
        "node_modules/a.py",
        "ignored.py",
        "hidden.py",
        "tests/test_a.py",
    ]
    here = write(dict.fromkeys(names, "import os\nos.system(x)\n"))
    write({".gitignore": "ignored.py", ".semgrepignore": "hidden.py", ".git/HEAD": "ref: x"})
    home = here / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # where nobody answers
    source_files = tuple(
        SourceFile(name, "import os\nos.system(x)\n", "digest") for name in sorted(names)
    )
    with PythonFiles(folder=here, source_files=source_files).scratch_copy() as copy:
        report = semgrep.scan(copy)
    assert sorted(issue.file for issue in report.issues) == sorted(names)
    assert {(n.tool, n.rule, n.line, n.severity) for n in report.issues} == {
        ("semgrep", "shell-command", 2, "high")
    }
    assert (report.silenced, report.unread) == ([], [])
    assert list(home.iterdir()) == []


REPORT: dict[str, Any] = {"results": [], "errors": [], "paths": {"scanned": ["a.py"]}}


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (
            {"errors": [{"message": "Syntax error", "path": "a.py"}]},
            "Semgrep cannot read all of it ('Syntax error')",
        ),
        (
            {"errors": [{"type": "Timeout", "path": "a.py"}]},
            "Semgrep cannot read all of it ({'type': 'Timeout'",
        ),
        ({"paths": {"scanned": []}}, "Semgrep passed over it"),
    ],
)
def test_unread_file_is_issue(
    write: Write, monkeypatch: pytest.MonkeyPatch, report: dict[str, Any], words: str
) -> None:
    """A parse error, a timeout and a skipped file are issues of high severity."""
    monkeypatch.setattr(semgrep, "run_for_json", lambda *_, **__: REPORT | report)
    monkeypatch.setattr(semgrep, "_marked", lambda _: Counter())
    (issue,) = report_of("semgrep", write({"a.py": CLEAN})).unread
    assert (issue.file, issue.rule, issue.severity) == ("a.py", "not-read", "high")
    assert words in issue.message


def test_error_without_file_is_error(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error for which Semgrep names no file gives no result."""
    broken = REPORT | {"errors": [{"message": "Invalid rule"}]}
    monkeypatch.setattr(semgrep, "run_for_json", lambda *_, **__: broken)
    monkeypatch.setattr(semgrep, "_marked", lambda _: Counter())
    with pytest.raises(MeasureError, match="expected Semgrep to read every file, got 'Invalid"):
        report_of("semgrep", write({"a.py": CLEAN}))


SILENCING = (
    "os.system(x)  # nosemgrep",
    "os.system(x)  # NOSEMGREP",
    "os.system(x)  # NoSem",
    "os.system(x)  # type: ignore, nosem",
    "os.system(x)  # see ticket nosemgrep",
    "os.system(x); s = ' nosemgrep'",
    "# nosemgrep: shell-command\nos.system(x)",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ToolReport:
    """One run on files with a suppressing comment each, on one without, and on those of HIDDEN."""
    folder = tmp_path_factory.mktemp("files")
    for number, line in enumerate((*SILENCING, "os.system(x)")):
        (folder / f"{number}.py").write_text(f"import os\n{line}\n")
    for number, content in enumerate(HIDDEN.values()):
        (folder / f"hidden{number}.py").write_bytes(content)
    return report_of("semgrep", folder)


def test_comment_suppressions_are_listed(report: ToolReport) -> None:
    """Each suppressed issue is listed, in whatever form Semgrep accepts."""
    issues, silenced = (
        sorted(issue.file for issue in found if issue.rule == "shell-command")
        for found in (report.issues, report.silenced)
    )
    assert issues == [f"{len(SILENCING)}.py"]
    assert silenced == [f"{number}.py" for number in range(len(SILENCING))]
    assert len(report.silenced) == len(silenced)


def test_hidden_code_is_found(report: ToolReport) -> None:
    """Semgrep finds the call in each text, where it would read a comment in the file."""
    names = [issue.file for issue in report.issues if issue.rule == "torch-jit-load-runs-code"]
    assert sorted(names) == [f"hidden{number}.py" for number in range(len(HIDDEN))]


def test_missing_semgrep_is_error(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without Semgrep there is no result, and the sentence says what to install."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    with pytest.raises(
        MeasureError, match=r"expected Semgrep at .*, got none; pip install semgrep"
    ):
        report_of("semgrep", write({"a.py": CLEAN}))
