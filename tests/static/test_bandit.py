"""Bandit: its issues, which neither settings nor comments hide."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from securemnist.errors import MeasureError
from securemnist.static import PythonFiles, bandit
from securemnist.static.issue import silenced_lines
from securemnist.static.reading import SourceFile
from tests.static.conftest import CLEAN, FLASK_PAGE, PICKLE_DEMO, TORCH_LOADS, Write, report_of

SYSTEM = "import os\nos.system(x)\neval(x)\n"


def test_bandit_finds_known_patterns(write: Write) -> None:
    """torch.load twice, pickle.load and Flask's debug mode, with severity and advice."""
    files = {"load.py": TORCH_LOADS, "demo.py": PICKLE_DEMO, "page.py": FLASK_PAGE, "ok.py": CLEAN}
    report = report_of("bandit", write(files))
    found = sorted(
        (n.file, n.line, n.rule, n.severity) for n in report.issues if n.at_least("medium")
    )
    assert found == [
        ("demo.py", 6, "B301", "medium"),
        ("load.py", 5, "B614", "medium"),
        ("load.py", 6, "B614", "medium"),
        ("page.py", 7, "B201", "high"),
    ]
    assert all(n.tool == "bandit" and n.message and "https://" in n.advice for n in report.issues)
    assert (report.silenced, report.unread) == ([], [])


def test_bandit_accepts_odd_file_names(write: Write) -> None:
    """A file name like an option, a pattern or a log line is only a name."""
    names = ["--exit-zero.py", "-r", "a b;touch x.py", "new\nline.py", "*.py", ".git/x.py", "-r.py"]
    source_files = tuple(SourceFile(name, "import os\nos.system(x)\n", "digest") for name in names)
    with PythonFiles(folder=write({}), source_files=source_files).scratch_copy() as copy:
        report = bandit.scan(copy)
    assert sorted(n.file for n in report.issues if n.rule == "B605") == sorted(names)
    assert report.unread == []


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[tool.bandit]\ntests = ["B101"]\n'},
        {"pyproject.toml": '[tool.bandit]\nskips = ["B605", "B307"]\n'},
        {"pyproject.toml": '[tool.bandit]\nexclude_dirs = ["."]\n'},
        {"pyproject.toml": "[tool"},
        {
            "pyproject.toml": "[tool.bandit.any_other_function_with_shell_equals_true]\n"
            "no_shell = ['os.system']\nshell = []\nsubprocess = []\n"
        },
        {".bandit": "[bandit]\nskips: B605,B307\n", ".semgrepignore": "*"},
    ],
    ids=["tests", "skips", "exclude_dirs", "broken", "plugin", "ini"],
)
def test_project_settings_have_no_effect(write: Write, files: dict[str, str]) -> None:
    """Bandit settings of the project hide nothing."""
    here = write({**files, "old/a.py": SYSTEM})
    assert [(n.file, n.rule) for n in report_of("bandit", here).issues] == [
        ("old/a.py", "B605"),
        ("old/a.py", "B307"),
    ]


@pytest.mark.parametrize(
    "comment",
    [
        "# nosec",
        "# nosecurity review needed",
        "# nosecB301",
        "#nosec_x",
        "# nosec B301",
        "#\u00a0nosec",
    ],
)
def test_comment_suppressions_are_listed(write: Write, comment: str) -> None:
    """Each issue that a comment suppresses is listed with place, rule and code."""
    here = write({"a.py": f"import json\nimport pickle\npickle.loads(x)  {comment}\n"})
    report = report_of("bandit", here)
    assert [n.rule for n in report.issues] == ["B403"]
    (line,) = silenced_lines(report.silenced)
    assert line.startswith("a.py:3 (bandit B301, silenced by a comment: pickle.loads(x) #")


def test_ignored_comments_suppress_nothing(write: Write) -> None:
    """A marker in capitals or in a string suppresses nothing, and the issue counts."""
    here = write({"a.py": "eval(x)  # NOSEC\neval('# nosec')\n"})
    report = report_of("bandit", here)
    assert ([n.line for n in report.issues], report.silenced) == ([1, 2], [])


def test_unread_file_is_issue(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that Bandit reports as unread, or does not mention, is an issue."""
    answer: dict[str, Any] = {
        "results": [],
        "errors": [{"filename": "./a.py", "reason": "exception while scanning file"}],
        "metrics": {"./a.py": {}, "_totals": {}},
    }
    monkeypatch.setattr(bandit, "run_for_json", lambda *_, **__: answer)
    unread = report_of("bandit", write({"a.py": CLEAN, "b.py": CLEAN})).unread
    assert {(n.file, n.message) for n in unread} == {
        ("a.py", "not read: Bandit cannot read it (exception while scanning file)"),
        ("b.py", "not read: Bandit passed over it"),
    }
    assert all(n.severity == "high" for n in unread)


def test_missing_bandit_is_error(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Bandit there is no result, and the sentence says what to install."""
    monkeypatch.setitem(sys.modules, "bandit", None)
    with pytest.raises(MeasureError, match="expected Bandit beside Python, got none; pip install"):
        report_of("bandit", write({"a.py": CLEAN}))
