"""Which files are read, as Python reads them, and what is said of those that are not."""

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
    """The sources of a whole folder."""
    return PythonFiles.find(folder, ["."], exclude)


def unread(folder: Path) -> dict[str, str]:
    """The reason for each file of a folder that was not read."""
    return {issue.file: issue.message for issue in find(folder).unread}


def test_the_projects_own_python_is_found(write: Write) -> None:
    """Hidden folders, environments, installed packages and pipes are left out, each with its reason."""
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
def test_every_name_of_python_is_read(write: Write, name: str) -> None:
    """Python is known by its suffix, in any case."""
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
def test_a_script_without_a_suffix_is_known_by_its_first_line(
    write: Write, first: str, known: bool
) -> None:
    """A file that names Python as its interpreter is read, whatever its name."""
    assert find(write({"run_me": f"{first}\nimport os\n"})).files == (("run_me",) if known else ())


def test_a_planted_environment_is_read(write: Write) -> None:
    """A pyvenv.cfg alone makes no virtual environment: the code beside it is read."""
    assert find(write({"src/pyvenv.cfg": "", "src/a.py": CLEAN})).files == ("src/a.py",)


def test_what_git_tracks_is_read_wherever_it_lies(write: Write) -> None:
    """Files in hidden folders and environments are read where Git tracks them; bytecode is a finding."""
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


def test_a_repository_that_names_programs_runs_none(write: Write) -> None:
    """Asking Git for its files runs no program that the configuration of the repository names."""
    here = write({"a.py": CLEAN, "hook": "#!/bin/sh\ntouch ran\n"})
    (here / "hook").chmod(0o755)
    subprocess.run(["git", "init", "-q"], cwd=here, check=True)
    subprocess.run(["git", "add", "a.py"], cwd=here, check=True)
    subprocess.run(["git", "config", "core.fsmonitor", str(here / "hook")], cwd=here, check=True)
    assert find(here).files == ("a.py",)
    assert not (here / "ran").exists()


def test_links_are_followed_inside_the_project_only(
    write: Write, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A link to text that is read nowhere else is read; one that leads out to Python is a finding."""
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
def test_a_pattern_leaves_out_what_it_fits(
    write: Write, exclude: list[str], kept: list[str]
) -> None:
    """A pattern fits the whole path of a file or of a folder above it."""
    names = ["a.py", "pkg/b.py", "pkg/b_pb2.py", "pkg/tests/d.py", "tests/c.py"]
    found = find(write(dict.fromkeys(names, CLEAN)), *exclude)
    assert list(found.files) == kept
    assert all(line.endswith("(exclude)") for line in found.excluded)
    assert len(found.excluded) > 0


def test_paths_may_overlap(write: Write) -> None:
    """A file that several paths name is read once; a hidden folder may be named."""
    here = write({"src/a.py": CLEAN, "src/b.py": CLEAN, ".ci/c.py": CLEAN})
    found = PythonFiles.find(here, ["src", "./src/a.py", ".ci"])
    assert found.files == (".ci/c.py", "src/a.py", "src/b.py")


def test_too_many_files_are_no_project(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder is refused before a tool is started on it."""
    here = write({"a.py": CLEAN, "b.py": CLEAN})
    monkeypatch.setattr(walk, "MAX_FILES", 1)
    with pytest.raises(MeasureError, match="at most 1 Python files, got more; name `paths`"):
        find(here)


def test_no_file_is_no_clean_project(write: Write) -> None:
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
def test_a_file_that_cannot_be_parsed_is_a_finding(
    tmp_path: Path, content: bytes, words: str
) -> None:
    """A tool would pass over such a file; here it counts, and the others are read."""
    (tmp_path / "odd.py").write_bytes(content)
    (tmp_path / "ok.py").write_text(CLEAN)
    assert find(tmp_path).files == ("ok.py",)
    assert unread(tmp_path)["odd.py"].startswith(f"not read: {words}")


def test_an_accepted_file_counts_again_when_it_changes(tmp_path: Path) -> None:
    """What a baseline knows of a file that was not read is its digest."""
    (tmp_path / "odd.py").write_text("def f(:\n")
    (before,) = find(tmp_path).unread
    (tmp_path / "odd.py").write_text("def g(:\n")
    (after,) = find(tmp_path).unread
    assert before.code.startswith("sha256:")
    assert before.code != after.code


def test_other_files_that_no_tool_reads_are_findings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytecode, packed programs, names without text and files too large count."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py")).write_text(CLEAN)
    for name in ("a.pyc", "app.pyz"):
        (tmp_path / name).write_bytes(b"PK")
    (tmp_path / "large.py").write_text("x = 1\n" * 100)
    monkeypatch.setattr("securemnist.static.kinds.MAX_BYTES", 100)
    assert set(unread(tmp_path)) == {"\\udcff.py", "a.pyc", "app.pyz", "large.py"}


def test_a_path_configuration_with_code_is_read(tmp_path: Path) -> None:
    """A .pth file is read where its lines import; weights under that suffix are none of it."""
    (tmp_path / "site.pth").write_text("lib\nimport os; os.system('ls')\n")
    (tmp_path / "net.pth").write_bytes(b"PK\x03\x04\nimport x\0")
    (source_file,) = find(tmp_path).source_files
    assert (source_file.name, source_file.code(2, 2)) == ("site.pth", "import os; os.system('ls')")


def test_odd_escapes_are_no_errors(write: Write) -> None:
    """What Python only warns of does not stop the reading, even where warnings are errors."""
    assert find(write({"odd.py": "x = '\\d'\n"})).unread == ()


def test_a_copy_keeps_names_apart(write: Write) -> None:
    """Files that differ in their suffix alone lie beside each other in the copy."""
    here = write({"run": "#!python\nx = 1\n", "run.py": "x = 2\n", "run.py.pyw": "x = 3\n"})
    with find(here).scratch_copy() as copy:
        texts = {s.name: (copy.folder / name).read_text() for name, s in copy.source_files.items()}
        assert all(name.endswith(".py") for name in copy.source_files)
    assert texts == {"run": "#!python\nx = 1\n", "run.py": "x = 2\n", "run.py.pyw": "x = 3\n"}


def test_a_notebook_is_read(write: Write) -> None:
    """The cells of a notebook are a script; a cell that is no Python is a finding of its own."""
    cells = ["%pip install x\nimport os", "def f(:", "os.system(x)"]
    book = {"cells": [{"cell_type": "code", "source": source} for source in cells]}
    found = find(write({"train.ipynb": json.dumps(book)}))
    (source_file,) = found.source_files
    assert source_file.code(3, 3) == "os.system(x)"
    assert source_file.place(3) == " (cell 3, line 1)"
    assert [n.message[:16] for n in found.unread] == ["not read: cell 2"]
