"""Files that static analysis cannot read, and those it converts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.static.conftest import CLEAN, Write
from tests.static.test_python_files import find


def unread(folder: Path) -> dict[str, str]:
    """The reason for each unread file of a folder."""
    return {issue.file: issue.message for issue in find(folder).unread}


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
    (tmp_path / "net.pth").write_bytes(b"PK\x03\x04\xff\nimport x\0")
    (source_file,) = find(tmp_path).source_files
    assert (source_file.name, source_file.code(2, 2)) == ("site.pth", "import os; os.system('ls')")


@pytest.mark.parametrize(
    "start", [b"\xef\xbb\xbf", b"lib\f", b"lib\xe2\x80\xa8", b"\0\n"], ids=repr
)
def test_pth_code_behind_odd_line_ends_is_read(tmp_path: Path, start: bytes) -> None:
    """Behind a mark of UTF-8, another end of a line or a NUL, Python 3.13 runs a line, too."""
    (tmp_path / "site.pth").write_bytes(start + b"import os; os.system('ls')\n")
    (source_file,) = find(tmp_path).source_files
    assert "import os; os.system('ls')" in source_file.text


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


def test_scratch_copy_has_a_name_for_every_file(write: Write) -> None:
    """A script of the longest name, and one whose name with `.py` is that of a folder, are copied."""
    script = "#!python\nx = 1\n"
    here = write({"a" * 255: script, "é" * 127: script, "run": script, "run.py/net.py": "x = 2\n"})
    with find(here).scratch_copy() as copy:
        assert len({copy.folder / name for name in copy.source_files}) == 4
        assert all((copy.folder / name).is_file() for name in copy.source_files)


def test_notebook_is_read(write: Write) -> None:
    """The cells of a notebook are one source; a cell that is not Python is an issue."""
    cells = ["%pip install x\nimport os", "def f(:", "os.system(x)"]
    book = {"cells": [{"cell_type": "code", "source": source} for source in cells]}
    found = find(write({"train.ipynb": json.dumps(book)}))
    (source_file,) = found.source_files
    assert source_file.code(3, 3) == "os.system(x)"
    assert source_file.place(3) == " (cell 3, line 1)"
    assert [n.message[:16] for n in found.unread] == ["not read: cell 2"]
