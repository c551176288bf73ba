"""Python files of a project: which are read, and the reasons for the others."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from securemnist.errors import MeasureError
from securemnist.static import PythonFiles, scan, walk
from tests.static.conftest import CLEAN, Write


def find(folder: Path, *exclude: str) -> PythonFiles:
    """The Python files of a whole folder."""
    return PythonFiles.find(folder, ["."], exclude)


def unread(folder: Path) -> dict[str, str]:
    """The reason for each unread file of a folder."""
    return {issue.file: issue.message for issue in find(folder).unread}


def test_find_excludes_other_code(write: Write) -> None:
    """Hidden folders, environments, installed packages and pipes are excluded, with reasons."""
    here = write(
        {
            "toy.py": CLEAN,
            "pkg/net.py": CLEAN,
            "pkg/page.pyw": CLEAN,
            "pkg/notes.txt": "",
            "pkg/__pycache__/net.py": CLEAN,
            ".git/hook.py": CLEAN,
            "env/pyvenv.cfg": "",
            "env/bin/python": "",
            "env/lib/site.py": CLEAN,
            "web/node_modules/gyp.py": CLEAN,
            "fast.so": "",
        }
    )
    (here / "linked.py").symlink_to(here / "toy.py")
    (here / "linked").symlink_to(here / "pkg")
    os.mkfifo(here / "pipe.py")
    found = find(here)
    assert found.files == ("pkg/net.py", "pkg/page.pyw", "toy.py")
    assert found.unread == ()
    assert found.excluded == (
        ".git (hidden)",
        "env (virtual environment)",
        "fast.so (compiled or packed, not source code)",
        "linked (link to pkg)",
        "linked.py (link to toy.py)",
        "pipe.py (not a plain file)",
        "web/node_modules (not the project's own)",
    )


@pytest.mark.parametrize(
    "name", ["x.py", "X.PY", "x.pyw", "x.py3", "x.pyi", "x.pyx", "x.pxd", "x.wsgi"]
)
def test_find_reads_every_python_suffix(write: Write, name: str) -> None:
    """Python is recognised by its suffix, in any case."""
    assert find(write({name: CLEAN})).files == (name,)


@pytest.mark.parametrize(
    ("first", "known"),
    [
        ("#!/usr/bin/env python3", True),
        ("#!/usr/bin/python -u", True),
        ("#!/usr/bin/env -S uv run --script", True),
        ("#!/bin/sh", False),
        ("", False),
    ],
)
def test_find_reads_python_shebang(write: Write, first: str, known: bool) -> None:
    """A file with Python as its interpreter is read, whatever its name."""
    assert find(write({"run_me": f"{first}\nimport os\n"})).files == (("run_me",) if known else ())


def test_pyvenv_cfg_alone_is_no_environment(write: Write) -> None:
    """Code beside a lone pyvenv.cfg is read."""
    assert find(write({"src/pyvenv.cfg": "", "src/a.py": CLEAN})).files == ("src/a.py",)


def test_tracked_files_are_read_everywhere(write: Write) -> None:
    """Git-tracked files in hidden folders and environments are read; bytecode is an issue."""
    here = write(
        {
            "env/pyvenv.cfg": "",
            "env/bin/python": "",
            "env/lib/a.py": CLEAN,
            "env/lib/other.py": CLEAN,
            ".ci/b.py": CLEAN,
            "__pycache__/c.cpython-311.pyc": "",
        }
    )
    for words in (["init", "-q"], ["add", "-f", "env/lib/a.py", ".ci", "__pycache__"]):
        subprocess.run(["git", *words], cwd=here, check=True)
    found = find(here)
    assert found.files == (".ci/b.py", "env/lib/a.py")
    assert "env (virtual environment, apart from what Git tracks)" in found.excluded
    assert [issue.file for issue in found.unread] == ["__pycache__/c.cpython-311.pyc"]


def test_git_runs_no_configured_program(write: Write) -> None:
    """Listing tracked files runs no program of the repository's configuration."""
    here = write({"a.py": CLEAN, "hook": "#!/bin/sh\ntouch ran\n"})
    (here / "hook").chmod(0o755)
    subprocess.run(["git", "init", "-q"], cwd=here, check=True)
    subprocess.run(["git", "add", "a.py"], cwd=here, check=True)
    subprocess.run(["git", "config", "core.fsmonitor", str(here / "hook")], cwd=here, check=True)
    assert find(here).files == ("a.py",)
    assert not (here / "ran").exists()


def test_links_inside_project_are_followed(
    write: Write, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A link to unread text is read; a link to Python outside is an issue."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "pictures").mkdir()
    (outside / "pictures" / "a.png").write_text("")
    (outside / "evil.py").write_text(CLEAN)
    here = write({"pkg/text": CLEAN, ".hidden/b.py": CLEAN})
    (here / "code.py").symlink_to(here / "pkg" / "text")
    (here / "visible").symlink_to(here / ".hidden")
    (here / "out.py").symlink_to(outside / "evil.py")
    (here / "out").symlink_to(outside)
    (here / "data").symlink_to(outside / "pictures")
    (here / "loop").symlink_to(here)
    (here / "none.py").symlink_to(here / "nothing")
    found = find(here)
    assert found.files == ("code.py", "visible/b.py")
    assert [issue.file for issue in found.unread] == ["out", "out.py"]
    assert {"data (link that leads out of the project)", "none.py (link to nothing)"} <= set(
        found.excluded
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
def test_exclude_matches_paths_and_folders(
    write: Write, exclude: list[str], kept: list[str]
) -> None:
    """A pattern matches the whole path of a file or of a folder above it."""
    names = ["a.py", "pkg/b.py", "pkg/b_pb2.py", "pkg/tests/d.py", "tests/c.py"]
    found = find(write(dict.fromkeys(names, CLEAN)), *exclude)
    assert list(found.files) == kept
    assert all(line.endswith("(exclude)") for line in found.excluded)
    assert len(found.excluded) > 0


def test_overlapping_paths_are_read_once(write: Write) -> None:
    """A file below several paths is read once; a hidden folder may be named."""
    here = write({"src/a.py": CLEAN, "src/b.py": CLEAN, ".ci/c.py": CLEAN})
    found = PythonFiles.find(here, ["src", "./src/a.py", ".ci"])
    assert found.files == (".ci/c.py", "src/a.py", "src/b.py")


def test_too_many_files_are_error(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder is refused before a tool starts."""
    here = write({"a.py": CLEAN, "b.py": CLEAN})
    monkeypatch.setattr(walk, "MAX_FILES", 1)
    with pytest.raises(MeasureError, match="at most 1 Python files, got more; name `paths`"):
        find(here)


def test_scan_without_files_is_error(write: Write) -> None:
    """Zero files are an error, not zero findings."""
    with pytest.raises(MeasureError, match="expected Python files to read, got none; fix"):
        scan(find(write({"notes.txt": ""})), tools=["bandit"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"def f(:\n", "Python cannot parse it: SyntaxError"),
        (b"x = '\xff'\n", "Python cannot parse it"),
        (b"\0", "Python cannot parse it"),
        (b"x = " + b"(" * 5_000, "Python cannot parse it"),
        (b"# coding: klingon\n", "Python cannot parse it"),
    ],
    ids=["syntax", "encoding", "null byte", "nesting", "codec"],
)
def test_unparsable_file_is_issue(tmp_path: Path, content: bytes, words: str) -> None:
    """A file that a tool would skip counts, and the others are read."""
    (tmp_path / "odd.py").write_bytes(content)
    (tmp_path / "ok.py").write_text(CLEAN)
    assert find(tmp_path).files == ("ok.py",)
    assert unread(tmp_path)["odd.py"].startswith(f"not read: {words}")


def test_accepted_unread_file_is_known_by_digest(tmp_path: Path) -> None:
    """An accepted unread file counts again after a change."""
    (tmp_path / "odd.py").write_text("def f(:\n")
    (before,) = find(tmp_path).unread
    (tmp_path / "odd.py").write_text("def g(:\n")
    (after,) = find(tmp_path).unread
    assert before.code.startswith("sha256:")
    assert before.code != after.code


def test_other_unread_files_are_issues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytecode, packed programs, undecodable names and large files count."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py")).write_text(CLEAN)
    for name in ("a.pyc", "app.pyz"):
        (tmp_path / name).write_bytes(b"PK")
    (tmp_path / "large.py").write_text("x = 1\n" * 100)
    monkeypatch.setattr("securemnist.static.kinds.MAX_BYTES", 100)
    assert set(unread(tmp_path)) == {"\\udcff.py", "a.pyc", "app.pyz", "large.py"}


def test_pth_with_code_is_read(tmp_path: Path) -> None:
    """A .pth file is read where its lines import; network weights are not."""
    (tmp_path / "site.pth").write_text("lib\nimport os; os.system('ls')\n")
    (tmp_path / "net.pth").write_bytes(b"PK\x03\x04\nimport x\0")
    (source_file,) = find(tmp_path).source_files
    assert (source_file.name, source_file.code(2, 2)) == ("site.pth", "import os; os.system('ls')")


def test_invalid_escapes_are_accepted(write: Write) -> None:
    """Python's warnings do not stop the reading, even where warnings are errors."""
    assert find(write({"odd.py": "x = '\\d'\n"})).unread == ()


def test_scratch_copy_keeps_names_apart(write: Write) -> None:
    """Files that differ in their suffix only are separate files in the copy."""
    here = write({"run": "#!python\nx = 1\n", "run.py": "x = 2\n", "run.py.pyw": "x = 3\n"})
    with find(here).scratch_copy() as copy:
        texts = {s.name: (copy.folder / name).read_text() for name, s in copy.source_files.items()}
        assert all(name.endswith(".py") for name in copy.source_files)
    assert texts == {"run": "#!python\nx = 1\n", "run.py": "x = 2\n", "run.py.pyw": "x = 3\n"}


def test_notebook_is_read(write: Write) -> None:
    """The cells of a notebook are one source; a cell that is not Python is an issue."""
    cells = ["%pip install x\nimport os", "def f(:", "os.system(x)"]
    book = {"cells": [{"cell_type": "code", "source": source} for source in cells]}
    found = find(write({"train.ipynb": json.dumps(book)}))
    (source_file,) = found.source_files
    assert source_file.code(3, 3) == "os.system(x)"
    assert source_file.place(3) == " (cell 3, line 1)"
    assert [n.message[:16] for n in found.unread] == ["not read: cell 2"]
