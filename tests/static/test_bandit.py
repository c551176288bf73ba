"""Bandit: what it finds, and what is told where it does not look."""

from __future__ import annotations

import sys

import pytest

from securemnist.errors import MeasureError
from securemnist.static import Sources, bandit
from tests.static.conftest import CLEAN, FLASK_PAGE, PICKLE_DEMO, TORCH_LOADS, Write


def test_what_the_source_systems_were_told(write: Write) -> None:
    """torch.load twice, pickle.load and Flask's debug mode are found, with severity and advice."""
    files = {"load.py": TORCH_LOADS, "demo.py": PICKLE_DEMO, "page.py": FLASK_PAGE, "ok.py": CLEAN}
    notices, left_out = bandit.scan(Sources.find(write(files), ["."]))
    seen = sorted((n.file, n.line, n.rule, n.severity) for n in notices if n.at_least("medium"))
    assert seen == [
        ("demo.py", 6, "B301", "medium"),
        ("load.py", 5, "B614", "medium"),
        ("load.py", 6, "B614", "medium"),
        ("page.py", 7, "B201", "high"),
    ]
    assert all(n.tool == "bandit" and n.message and "https://" in n.advice for n in notices)
    assert left_out == []


def test_names_are_data(write: Write) -> None:
    """A file whose name looks like an option, a pattern or a line of a log is a file."""
    names = [
        "--exit-zero.py",
        "-r",
        "a b;touch x.py",
        "new\nline.py",
        "*.py",
        ".git/x.py",
        "CVS.py",
    ]
    here = write(dict.fromkeys(names, "import os\nos.system(x)\n"))
    found = Sources(folder=here, files=tuple(sorted(names)))
    notices, left_out = bandit.scan(found)
    assert sorted(n.file for n in notices if n.rule == "B605") == sorted(names)
    assert left_out == []


def test_the_projects_configuration_holds_and_is_told(write: Write) -> None:
    """Files and rules that [tool.bandit] leaves out are named among the excluded."""
    table = '[tool.bandit]\nexclude_dirs = ["./old"]\nskips = ["B605"]\n'
    system = "import os\nos.system(x)\neval(x)\n"
    here = write({"pyproject.toml": table, "old/a.py": system, "new/a.py": system})
    notices, left_out = bandit.scan(Sources.find(here, ["."]))
    assert [(n.file, n.rule) for n in notices] == [("new/a.py", "B307")]
    assert left_out == [
        "old/a.py (bandit: exclude_dirs of pyproject.toml)",
        "B605 (bandit: skips of pyproject.toml)",
    ]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('[tool.bandit]\nexclude_dirs = ["."]\n', "expected Bandit to read 1 files, got none read"),
        (
            '[tool.bandit]\ntests = ["B101"]\nskips = ["B101"]\n',
            "expected a report of bandit, got exit code 2",
        ),
        ("[tool", "pyproject.toml: expected TOML"),
    ],
)
def test_a_configuration_that_disarms_is_an_error(write: Write, table: str, words: str) -> None:
    """A configuration that leaves everything out, or that Bandit refuses, is no clean result."""
    here = write({"pyproject.toml": table, "a.py": CLEAN})
    with pytest.raises(MeasureError, match=words):
        bandit.scan(Sources.find(here, ["."]))


def test_a_file_that_bandit_cannot_read_is_an_error(write: Write) -> None:
    """A file that Bandit reports as unread is named."""
    here = write({"a.py": "def f(:\n", "b.py": CLEAN})
    with pytest.raises(MeasureError, match=r"'a\.py': expected a file that Bandit can read"):
        bandit.scan(Sources.find(here, ["."]))


def test_a_missing_bandit_is_an_error(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the tool there is no result, and the sentence says what to install."""
    monkeypatch.setitem(sys.modules, "bandit", None)
    with pytest.raises(MeasureError, match="expected Bandit beside Python, got none; pip install"):
        bandit.scan(Sources.find(write({"a.py": CLEAN}), ["."]))
