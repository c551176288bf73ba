"""Bundled files, the cache's place, and files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from securemnist import resources


def test_the_bundled_files_are_there() -> None:
    """Data, weights, suites and policy are found from the package alone."""
    for path in (resources.MNIST, resources.WEIGHTS, resources.SUITES, resources.POLICY):
        assert path.exists(), path


@pytest.mark.parametrize("home", ["a file", "read-only", "missing"])
def test_a_home_that_cannot_be_written(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a writable home the cache lies in the temporary directory, closed to others."""
    base, temporary = tmp_path / "home", tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.delenv("SECUREMNIST_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(base))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    if home == "a file":
        base.touch()
    elif home == "read-only":  # root may write anywhere, so the answer is put in its mouth
        monkeypatch.setattr(os, "access", lambda *_: False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nobody/home")
    folder = resources.cache_folder()
    assert folder == temporary / f"securemnist-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_cache_that_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SECUREMNIST_CACHE goes before the home, and is made where it is missing."""
    monkeypatch.setenv("SECUREMNIST_CACHE", str(tmp_path / "a" / "b"))
    assert resources.cache_folder() == tmp_path / "a" / "b"
    assert (tmp_path / "a" / "b").is_dir()


def test_an_interrupted_write_leaves_the_old_file(
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


def test_a_written_file_has_the_usual_rights(tmp_path: Path) -> None:
    """A file that is written atomically is readable as one that was opened for writing."""
    (tmp_path / "usual").write_bytes(b"1")
    resources.write_atomically(tmp_path / "atomic", b"2")
    modes = [(tmp_path / name).stat().st_mode for name in ("usual", "atomic")]
    assert modes[0] == modes[1]
    assert (tmp_path / "atomic").read_bytes() == b"2"


def test_an_endless_file_is_not_read_to_its_end() -> None:
    """A device that says it is empty and never ends is refused after the bytes that are allowed."""
    with pytest.raises(OSError, match="more than 1000 bytes"):
        resources.read_at_most(Path("/dev/zero"), 1000)
    assert resources.read_at_most(Path("/dev/null"), 0) == b""
