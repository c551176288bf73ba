"""Paths of bundled files, and atomic writes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from securemnist._util import resources


def test_bundled_files_exist() -> None:
    """Data, weights, suites and policy are found from the package alone."""
    for path in (resources.MNIST, resources.WEIGHTS, resources.SUITES, resources.POLICY):
        assert path.exists(), path


def test_write_atomically_keeps_old_file_on_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that fails, even by Ctrl-C at its end, leaves the old file whole and no other."""
    path = tmp_path / "folder" / "file"
    resources.write_atomically(path, b"old")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        resources.write_atomically(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_failed_write_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a full disk, or of a folder that cannot be written, names the file itself."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError) as taken:
        resources.write_atomically(tmp_path / "taken", b"1")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as no_space:
        resources.write_atomically(tmp_path / "new", b"1")
    with pytest.raises(OSError, match="No such file") as refused:
        resources.write_atomically(Path("/proc/self/new"), b"1")
    names = [str(tmp_path / "taken"), str(tmp_path / "new"), "/proc/self/new"]
    assert [error.value.filename for error in (taken, no_space, refused)] == names
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_write_atomically_sets_default_mode(tmp_path: Path) -> None:
    """An atomically written file has the mode of one that was opened for writing."""
    (tmp_path / "usual").write_bytes(b"1")
    resources.write_atomically(tmp_path / "atomic", b"2")
    modes = [(tmp_path / name).stat().st_mode for name in ("usual", "atomic")]
    assert modes[0] == modes[1]
    assert (tmp_path / "atomic").read_bytes() == b"2"


def test_write_new_keeps_an_existing_file(tmp_path: Path) -> None:
    """A new file is written whole; an existing file or link is kept, and no part remains."""
    resources.write_new(tmp_path / "folder" / "new", b"content")
    assert (tmp_path / "folder" / "new").read_bytes() == b"content"
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("folder/new", "link"):
        with pytest.raises(FileExistsError):
            resources.write_new(tmp_path / name, b"other")
    assert (tmp_path / "folder" / "new").read_bytes() == b"content"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "link", "new"]
