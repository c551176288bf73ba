"""Semgrep: local rules, every file by name, nothing sent and nothing left behind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from securemnist.errors import MeasureError
from securemnist.static import Sources, semgrep
from tests.static.conftest import CLEAN, Write


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
    notices, left_out = semgrep.scan(Sources(folder=here, files=tuple(sorted(names))))
    assert sorted(notice.file for notice in notices) == sorted(names)
    assert {(n.tool, n.rule, n.line, n.severity) for n in notices} == {
        ("semgrep", "shell-command", 2, "high")
    }
    assert left_out == []
    assert list(home.iterdir()) == []


REPORT: dict[str, Any] = {"results": [], "errors": [], "paths": {"scanned": ["a.py"]}}


@pytest.mark.parametrize(
    ("report", "words"),
    [
        ({"errors": [{"message": "Syntax error at line a.py:2"}]}, "Syntax error at line a.py:2"),
        ({"errors": [{"type": "Timeout"}]}, "'type': 'Timeout'"),
        ({"paths": {"scanned": []}}, "'a.py': expected Semgrep to read it, got no word of it"),
    ],
)
def test_a_file_that_semgrep_does_not_read_is_an_error(
    write: Write, monkeypatch: pytest.MonkeyPatch, report: dict[str, Any], words: str
) -> None:
    """A parse error, a rule out of time or a file passed over is no clean result."""
    monkeypatch.setattr(semgrep, "run_for_json", lambda *_, **__: REPORT | report)
    with pytest.raises(MeasureError, match=words):
        semgrep.scan(Sources.find(write({"a.py": CLEAN}), ["."]))


def test_a_missing_semgrep_is_an_error(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without the tool there is no result, and the sentence says what to install."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    with pytest.raises(
        MeasureError, match=r"expected Semgrep at .*, got none; pip install semgrep"
    ):
        semgrep.scan(Sources.find(write({"a.py": CLEAN}), ["."]))
