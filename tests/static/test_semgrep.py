"""Semgrep: local rules, every file by name, nothing sent and nothing left behind."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from securemnist.errors import MeasureError
from securemnist.static import Sources, semgrep
from securemnist.static.script import Script
from tests.static.conftest import CLEAN, Write, report_of


def test_every_file_is_read_whatever_its_name(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ignore files and names that look like options hide nothing, and no network is needed."""
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
    scripts = tuple(Script(name, "import os\nos.system(x)\n", "digest") for name in sorted(names))
    with Sources(folder=here, scripts=scripts).copied() as copy:
        report = semgrep.scan(copy)
    assert sorted(notice.file for notice in report.notices) == sorted(names)
    assert {(n.tool, n.rule, n.line, n.severity) for n in report.notices} == {
        ("semgrep", "shell-command", 2, "high")
    }
    assert (report.silenced, report.unread) == ((), ())
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
def test_a_file_that_semgrep_does_not_read_is_a_finding(
    write: Write, monkeypatch: pytest.MonkeyPatch, report: dict[str, Any], words: str
) -> None:
    """A parse error, a rule out of time or a file passed over is a finding of high severity."""
    monkeypatch.setattr(semgrep, "run_for_json", lambda *_, **__: REPORT | report)
    monkeypatch.setattr(semgrep, "_marked", lambda _: Counter())
    (notice,) = report_of("semgrep", write({"a.py": CLEAN})).unread
    assert (notice.file, notice.rule, notice.severity) == ("a.py", "not-read", "high")
    assert words in notice.message


def test_an_error_without_a_file_is_an_error(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Semgrep does not say which file it failed on, there is no result."""
    broken = REPORT | {"errors": [{"message": "Invalid rule"}]}
    monkeypatch.setattr(semgrep, "run_for_json", lambda *_, **__: broken)
    monkeypatch.setattr(semgrep, "_marked", lambda _: Counter())
    with pytest.raises(MeasureError, match="expected Semgrep to read every file, got 'Invalid"):
        report_of("semgrep", write({"a.py": CLEAN}))


@pytest.mark.parametrize(
    "line",
    [
        "os.system(x)  # nosemgrep",
        "os.system(x)  # NOSEMGREP",
        "os.system(x)  # NoSem",
        "os.system(x)  # type: ignore, nosem",
        "os.system(x)  # see ticket nosemgrep",
        "os.system(x); s = ' nosemgrep'",
        "# nosemgrep: shell-command\nos.system(x)",
    ],
)
def test_what_a_comment_silences_is_known(write: Write, line: str) -> None:
    """Whatever form Semgrep obeys, in a comment or a string: the silenced finding is known."""
    report = report_of("semgrep", write({"a.py": f"import os\n{line}\n"}))
    assert report.notices == ()
    assert [(n.file, n.rule) for n in report.silenced] == [("a.py", "shell-command")]


def test_a_missing_semgrep_is_an_error(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the tool there is no result, and the sentence says what to install."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    with pytest.raises(
        MeasureError, match=r"expected Semgrep at .*, got none; pip install semgrep"
    ):
        report_of("semgrep", write({"a.py": CLEAN}))
