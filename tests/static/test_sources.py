"""Which files are read, and what is said of those that are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from securemnist.errors import MeasureError
from securemnist.static import Sources, sources
from tests.static.conftest import CLEAN, Write


def test_the_projects_own_python_is_found(write: Write) -> None:
    """Hidden folders, environments, installed packages and links are left out, each with its reason."""
    here = write(
        {
            "toy.py": CLEAN,
            "pkg/net.py": CLEAN,
            "pkg/page.pyw": CLEAN,
            "pkg/notes.txt": "",
            "pkg/__pycache__/net.py": CLEAN,
            ".git/hook.py": CLEAN,
            "env/pyvenv.cfg": "",
            "env/lib/site.py": CLEAN,
            "web/node_modules/gyp.py": CLEAN,
        }
    )
    (here / "linked.py").symlink_to(here / "toy.py")
    (here / "linked").symlink_to(here / "pkg")
    os.mkfifo(here / "pipe.py")
    found = Sources.find(here, ["."])
    assert found.files == ("pkg/net.py", "pkg/page.pyw", "toy.py")
    assert found.excluded == (
        ".git (hidden)",
        "env (virtual environment)",
        "linked (link)",
        "linked.py (not a plain file)",
        "pipe.py (not a plain file)",
        "web/node_modules (not the project's own)",
    )


@pytest.mark.parametrize(
    ("exclude", "kept"),
    [
        (["tests"], ["a.py", "pkg/b.py", "pkg/b_pb2.py", "pkg/tests/d.py"]),
        (["tests/", "*/tests"], ["a.py", "pkg/b.py", "pkg/b_pb2.py"]),
        (["*_pb2.py"], ["a.py", "pkg/b.py", "pkg/tests/d.py", "tests/c.py"]),
        (["pkg/b.py"], ["a.py", "pkg/b_pb2.py", "pkg/tests/d.py", "tests/c.py"]),
        (["*"], []),
    ],
)
def test_a_pattern_leaves_out_what_it_fits(
    write: Write, exclude: list[str], kept: list[str]
) -> None:
    """A pattern fits the whole path of a file or of a folder above it."""
    names = ["a.py", "pkg/b.py", "pkg/b_pb2.py", "pkg/tests/d.py", "tests/c.py"]
    here = write(dict.fromkeys(names, CLEAN))
    found = Sources.find(here, ["."], exclude)
    assert list(found.files) == kept
    assert all(line.endswith("(exclude)") for line in found.excluded)
    assert len(found.excluded) > 0


def test_paths_may_overlap(write: Write) -> None:
    """A file that several paths name is read once; a hidden folder may be named."""
    here = write({"src/a.py": CLEAN, "src/b.py": CLEAN, ".ci/c.py": CLEAN})
    found = Sources.find(here, ["src", "./src/a.py", ".ci", str(here / "src")])
    assert found.files == (".ci/c.py", "src/a.py", "src/b.py")


def test_too_many_files_are_no_project(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder is refused before a tool is started on it."""
    here = write({"a.py": CLEAN, "b.py": CLEAN})
    monkeypatch.setattr(sources, "MOST_FILES", 1)
    with pytest.raises(MeasureError, match="at most 1 Python files, got more; name `paths`"):
        Sources.find(here, ["."])


def test_no_file_is_no_clean_project(write: Write) -> None:
    """Zero files are an error, not zero findings."""
    with pytest.raises(MeasureError, match="expected Python files to read, got none; mend"):
        Sources.find(write({"notes.txt": ""}), ["."]).check()


@pytest.mark.parametrize(
    "content",
    [b"def f(:\n", b"x = '\xff'\n", b"\0", b"x = " + b"(" * 5_000, b"# coding: klingon\n"],
    ids=["syntax", "encoding", "null byte", "nesting", "codec"],
)
def test_a_file_that_cannot_be_parsed_is_an_error(tmp_path: Path, content: bytes) -> None:
    """A tool would pass over such a file; here it is named."""
    (tmp_path / "odd.py").write_bytes(content)
    with pytest.raises(MeasureError, match=r"'odd\.py': expected a file that Python can parse"):
        Sources.find(tmp_path, ["."]).check()


def test_a_name_without_text_is_an_error(tmp_path: Path) -> None:
    """A file name that is not UTF-8 could not be shown in any report."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py")).write_text(CLEAN)
    with pytest.raises(MeasureError, match="expected a file that Python can parse"):
        Sources.find(tmp_path, ["."]).check()


def test_odd_escapes_are_no_errors(write: Write) -> None:
    """What Python only warns of does not stop the reading, even where warnings are errors."""
    Sources.find(write({"odd.py": "x = '\\d'\n"}), ["."]).check()


def test_suppressions_are_told(write: Write) -> None:
    """Every comment that silences a tool is shown with its place."""
    text = (
        "import os\nos.system(x)  # nosec B605 # fixed\nos.system(y)  #nosemgrep: shell-command\n"
    )
    told = Sources.find(write({"a.py": text}), ["."]).suppressions()
    assert told == ["a.py:2 (# nosec B605 # fixed)", "a.py:3 (#nosemgrep: shell-command)"]
