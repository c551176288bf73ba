"""Python files of a project: which are read, and the reasons for the others."""

from __future__ import annotations

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


def test_find_excludes_other_code(write: Write) -> None:
    """Hidden folders, environments, installed packages and pipes are excluded, with reasons.

    A cache of bytecode is no reason: Python imports a source from there as from any folder.
    """
    here = write(
        {
            "toy.py": CLEAN,
            "pkg/net.py": CLEAN,
            "pkg/page.pyw": CLEAN,
            "pkg/notes.txt": "",
            "pkg/__pycache__/net.cpython-311.pyc": "",
            "pkg/__pycache__/hidden.py": CLEAN,
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
    assert found.files == ("pkg/__pycache__/hidden.py", "pkg/net.py", "pkg/page.pyw", "toy.py")
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
