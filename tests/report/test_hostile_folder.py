"""A report folder that others have prepared: nothing outside of it is written, removed or read whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from securemnist import report
from securemnist.errors import UsageError
from securemnist.report import folder, manifest, swap
from tests.error_form import one_sentence
from tests.report import example, kill

HOOK = b"#!/bin/sh\n"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder outside of the report, with one file whose content is known."""
    place = tmp_path / "hooks"
    place.mkdir()
    (place / "known").write_bytes(HOOK)
    return place


def prepared(out: Path, elsewhere: Path, name: str) -> Path:
    """A report folder with a link, and with the rest of a killed run in its folder `name`."""
    rest = out.parent / name if name.startswith(".out") else out / name
    (rest / "x").mkdir(parents=True)
    (rest / "x" / "pre-commit").write_bytes(HOOK)
    (rest / manifest.NAME).write_bytes(manifest.dumps({"x/pre-commit": HOOK}))
    out.mkdir(exist_ok=True)
    (out / "x").symlink_to(elsewhere)
    return out


def names(place: Path) -> list[str]:
    """The files of a folder."""
    return sorted(path.name for path in place.iterdir())


def test_rest_of_a_killed_run_writes_nothing_elsewhere(tmp_path: Path, elsewhere: Path) -> None:
    """A rest that came with the folder is not finished through a link; one sentence names the link."""
    out = prepared(tmp_path / "out", elsewhere, ".securemnist-replacing")
    with pytest.raises(UsageError, match="a link at 'x'") as refused:
        report.write(example.assessment(), out)
    one_sentence(refused.value)
    assert names(elsewhere) == ["known"]


def test_rest_beside_the_folder_writes_nothing_elsewhere(tmp_path: Path, elsewhere: Path) -> None:
    """Files of a rest beside the folder are not linked to where a link in the folder leads."""
    out = prepared(tmp_path / "out", elsewhere, ".out.report-1")
    (tmp_path / ".out.report-1" / "x" / "other").write_bytes(HOOK)
    report.write(example.assessment(), out)
    assert names(elsewhere) == ["known"]
    assert (out / "index.html").exists()


def test_rest_that_is_a_link_stays(tmp_path: Path) -> None:
    """A folder that a link names as the rest of a killed run keeps its report."""
    other, out = tmp_path / "other", tmp_path / "out"
    folder.publish(other, kill.files("old"))
    before = {path: path.read_bytes() for path in other.rglob("*") if path.is_file()}
    out.mkdir()
    (out / ".securemnist-replacing").symlink_to(other)
    report.write(example.assessment(), out)
    assert {path: path.read_bytes() for path in other.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("swapped", [True, False])
def test_files_behind_a_link_are_not_removed(
    swapped: bool, tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that names a file behind a link, with its SHA-256, has it neither removed nor taken over."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "x").symlink_to(elsewhere)
    (out / "own").symlink_to(elsewhere / "known")
    (out / manifest.NAME).write_bytes(manifest.dumps({"x/known": HOOK, "own": HOOK}))
    assert manifest.owned(out) == {}
    if not swapped:
        monkeypatch.setattr(swap, "_exchange", lambda *_: False)
    folder.publish(out, kill.files("new"))
    assert names(elsewhere) == ["known"]


def test_new_files_are_not_written_through_a_link(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a folder is not swapped, a link in the place of its folder ends in an error; nothing goes."""
    out = tmp_path / "out"
    folder.publish(out, {"index.html": b"old"})
    (out / "adversarial").symlink_to(elsewhere)
    monkeypatch.setattr(swap, "_exchange", lambda *_: False)
    with pytest.raises(OSError, match="a link at 'adversarial'"):
        folder.publish(out, {"index.html": b"new", "adversarial/known": b"new"})
    assert (elsewhere / "known").read_bytes() == HOOK
    assert (out / "index.html").read_bytes() == b"old"


def test_files_beyond_memory_are_refused(tmp_path: Path) -> None:
    """A report that lists more than can be held, as files of zeros, is refused before any is read."""
    count, size = 8, 1 << 30
    digest = hashlib.sha256(b"").hexdigest()
    files = {f"f{number}": digest for number in range(count)}
    text = manifest.dumps({}).decode().replace("{}", str(files).replace("'", '"'))
    (tmp_path / manifest.NAME).write_text(text)
    for name in files:
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
    assert len(manifest.listed(tmp_path)) == count
    with pytest.raises(UsageError, match="at most 4 GiB") as refused:
        report.check_writable(tmp_path)
    one_sentence(refused.value)
    with pytest.raises(UsageError, match="at most 4 GiB"):
        report.others(tmp_path)


def test_content_beyond_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that fit their digests and are too large to be held together are refused by one sentence."""
    monkeypatch.setattr(manifest, "_MOST_CONTENT", 1 << 10)
    folder.publish(tmp_path / "out", {"a": b"a" * 600, "b": b"b" * 600})
    with pytest.raises(UsageError, match="expected files of a report") as refused:
        report.others(tmp_path / "out")
    one_sentence(refused.value)
