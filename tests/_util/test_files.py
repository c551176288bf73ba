"""Reading files from outside: regular files only, limited size, no blocking."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from securemnist._util import files
from securemnist.data import PINNED, idx_files
from securemnist.errors import SecureMnistError
from securemnist.evaluation import example_store
from securemnist.history import record
from securemnist.models import weight_file
from securemnist.project import settings
from securemnist.project.folders import configured_policy
from securemnist.results import policy
from securemnist.results.assessment import Assessment
from securemnist.static import baseline
from tests.commands import shell
from tests.error_form import one_sentence


def bind_socket(path: Path) -> None:
    """Create a socket at `path`; its name may be longer than a socket's may be."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path.name)
    finally:
        os.chdir(before)


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "FIFO": (os.mkfifo, "a FIFO, not a regular file"),
    "link to a FIFO": (
        lambda p: (os.mkfifo(p.with_name("pipe")), p.symlink_to("pipe")),
        "a FIFO, not a regular file",
    ),
    "endless device": (lambda p: p.symlink_to("/dev/zero"), "a device, not a regular file"),
    "empty device": (lambda p: p.symlink_to("/dev/null"), "a device, not a regular file"),
    "socket": (bind_socket, "a socket, not a regular file"),
    "folder": (Path.mkdir, "Is a directory"),
    "loop of links": (lambda p: p.symlink_to(p.name), "Too many levels of symbolic links"),
}
# Every place that reads a file which somebody else may have put there.
READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "weights": ("x.safetensors", lambda p: weight_file.load_into(None, p, None)),  # type: ignore[arg-type]
    "manifest": ("x.json", lambda p: weight_file.read_manifest(p.with_suffix(".safetensors"))),
    "policy": ("p.toml", policy.load),
    "settings": ("pyproject.toml", lambda p: settings.load(p.parent)),
    "settings of a pytest run": ("pyproject.toml", lambda p: configured_policy(p.parent)),
    "assessment": ("assessment.json", Assessment.load),
    "record": ("h.jsonl", record.read),
    "record that is added to": ("h.jsonl", lambda p: record.append(p, {"kind": "bench"})),
    "accepted notices": ("b.json", baseline.load),
    "plain data": (next(iter(PINNED)), lambda p: idx_files.read(p.parent, p.name)),
    "packed data": (
        f"{next(iter(PINNED))}.gz",
        lambda p: idx_files.read(p.parent, p.name.removesuffix(".gz")),
    ),
    "stored examples": ("ROW.npz", example_store._read),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reader", READERS)
def test_readers_refuse_special_files(reader: str, kind: str, tmp_path: Path) -> None:
    """Each reader refuses a FIFO, device, socket, folder or link loop at once, in a sentence."""
    name, read = READERS[reader]
    make, words = KINDS[kind]
    make(tmp_path / name)
    with pytest.raises(SecureMnistError) as caught:
        read(tmp_path / name)
    text = one_sentence(caught.value)
    assert text.startswith(str(tmp_path / name))
    assert words in text
    assert caught.value.exit_code == 2


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("conftest.py", ["assess", "--row", "CLEAN-01"]),
        ("security_tests/thresholds.toml", ["assess", "--model", "baseline", "--row", "CLEAN-01"]),
    ],
)
def test_project_files_that_are_fifos_are_usage_errors(
    name: str, words: list[str], tmp_path: Path
) -> None:
    """A FIFO in place of a project's file is a usage error, not a missing file."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    os.mkfifo(tmp_path / name)
    done = shell(tmp_path, *words)
    assert done.returncode == 2
    assert f"{tmp_path / name}: " in done.stderr
    assert "a FIFO, not a regular file" in done.stderr


def test_open_regular_reads_the_checked_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checked descriptor is read: another file put in its place afterwards is not."""
    path, fstat = tmp_path / "file", os.fstat
    path.write_bytes(b"first")

    def swap(descriptor: int) -> os.stat_result:
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        monkeypatch.setattr(os, "fstat", fstat)
        return fstat(descriptor)

    monkeypatch.setattr(os, "fstat", swap)
    assert files.read_at_most(path, 10) == b"first"


def test_read_at_most_checks_size_first(tmp_path: Path) -> None:
    """A file over the limit is refused by its size; one of exactly the limit is read."""
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, 1 << 40)  # sparse: takes no room
    with pytest.raises(OSError, match="more than 1000 bytes"):
        files.read_at_most(path, 1000)
    path.write_bytes(b"x" * 1000)
    assert files.read_at_most(path, 1000) == b"x" * 1000


def test_open_regular_refuses_null_bytes() -> None:
    """A null byte in a path, which TOML and JSON allow, is an OSError with a clear text."""
    with pytest.raises(OSError, match="a path that no file can have"):
        files.read_at_most(Path("a\0b"), 10)


def test_open_regular_closes_descriptors(tmp_path: Path) -> None:
    """Neither a read nor a refusal leaves a descriptor open."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"x")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        files.read_at_most(tmp_path / "file", 10)
        for wrong in ("pipe", ".", "none"):
            with pytest.raises(OSError):  # noqa: PT011 (each says something else)
                files.read_at_most(tmp_path / wrong, 10)
    assert len(os.listdir("/proc/self/fd")) == before


def test_gunzip_limits_output() -> None:
    """At most the limit and one byte are unpacked; a malformed stream is an OSError."""
    import gzip

    assert len(files.gunzip(gzip.compress(bytes(10_000_000)), 1000)) == 1001
    for wrong in (b"\x1f\x8b", b"no gzip at all", gzip.compress(bytes(100))[:-1]):
        with pytest.raises(OSError, match=r"Error|BadGzipFile"):
            files.gunzip(wrong, 1000)


def test_a_link_that_is_not_followed_is_named(tmp_path: Path) -> None:
    """Where no symbolic link is followed, the error says that it is one."""
    (tmp_path / "target").write_bytes(b"x")
    (tmp_path / "link").symlink_to("target")
    with pytest.raises(OSError, match="a symbolic link, not a regular file"):
        files.read_at_most(tmp_path / "link", 9, follow=False)
