"""A report folder is replaced as one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from securemnist.report import folder, manifest, swap
from tests.report import kill

WAYS = ("swap", "in place")


def _state(out: Path) -> dict[str, bytes]:
    """Every file of the report and others, by name; not the leftovers of a killed run."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and not path.relative_to(out).parts[0].startswith(".securemnist")
    }


def _old(out: Path) -> Path:
    folder.publish(out, kill.files("old"))
    (out / "README.md").write_text("the user's own")
    (out / "shots").mkdir()
    (out / "shots" / "a.png").write_bytes(b"theirs")
    return out


def _killed(way: str, *folders: Path) -> list[int]:
    """Publish into each folder, killed in the N-th at step N: the steps there are, and each exit code."""
    command = [sys.executable, "-m", "tests.report.kill", way, *map(str, folders)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, timeout=120, check=True)
    return [int(line) for line in done.stdout.split()]


@pytest.mark.parametrize("way", WAYS)
def test_a_new_report_replaces_all_of_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Files of the earlier run go, files that are not a report's stay, nothing is left beside."""
    out = _old(tmp_path / "out")
    if way == "in place":
        monkeypatch.setattr(swap, "_exchange", lambda *_: False)
    folder.publish(out, kill.files("new"))
    state = _state(out)
    assert set(state) == {*kill.files("new"), manifest.NAME, "README.md", "shots/a.png"}
    assert {name: state[name] for name in kill.files("new")} == kill.files("new")
    assert list(tmp_path.iterdir()) == [out]
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("way", WAYS)
def test_killed_anywhere_it_is_never_mixed_nor_lost(tmp_path: Path, way: str) -> None:
    """SIGKILL at every rename, removal and swap: one report at most, and the next run completes it."""
    steps, code = _killed(way, _old(tmp_path / "whole"))
    assert steps >= 2
    assert code == 0
    killed = [_old(tmp_path / f"killed-{turn}") for turn in range(1, steps + 1)]
    assert _killed(way, _old(tmp_path / "again"), *killed) == [steps, 0, *[-9] * steps]
    for turn, out in enumerate(killed, start=1):
        state = _state(out)
        said = {state[name] for name in kill.WHOLE if name in state}
        assert len(said) <= 1, f"killed at step {turn}: {state}"
        if way == "swap":
            assert len([name for name in kill.WHOLE if name in state]) == len(kill.WHOLE)
        assert state["README.md"] == b"the user's own"
        folder.finish(out)
        state = _state(out)
        assert {state[name] for name in kill.WHOLE} in ({b"old"}, {b"new"})
        folder.publish(out, kill.files("new"))
        assert set(_state(out)) == {*kill.files("new"), manifest.NAME, "README.md", "shots/a.png"}
        assert not list(tmp_path.glob(f".{out.name}.*"))


def test_a_changed_file_is_no_longer_a_report_s(tmp_path: Path) -> None:
    """What was edited after it was written stays."""
    out = _old(tmp_path / "out")
    (out / "adversarial" / "A-1.npz").write_bytes(b"edited")
    folder.publish(out, kill.files("new"))
    assert (out / "adversarial" / "A-1.npz").read_bytes() == b"edited"


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/hostname", "a/b/c", "", "."])
def test_a_manifest_from_outside_names_nothing_outside(tmp_path: Path, name: str) -> None:
    """Only files in the folder, at most one folder deep, can be a report's."""
    (tmp_path / "out").mkdir()
    (tmp_path / "outside.txt").write_text("x")
    hostile = manifest.dumps({name: b"x"})
    (tmp_path / "out" / manifest.NAME).write_bytes(hostile)
    assert manifest.listed(tmp_path / "out") == {}
    folder.publish(tmp_path / "out", kill.files("new"))
    assert (tmp_path / "outside.txt").exists()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 1, "files": 7}', "[" * 9999]
)
def test_a_manifest_that_is_none_lists_nothing(tmp_path: Path, text: str) -> None:
    """A broken manifest owns no file and stops nothing."""
    (tmp_path / manifest.NAME).write_text(text)
    assert manifest.owned(tmp_path) == {}


def test_the_working_folder_is_not_swapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report into the folder that a process stands in leaves that very folder in place."""
    out = _old(tmp_path / "out")
    monkeypatch.chdir(out)
    before = out.stat().st_ino
    folder.publish(Path(), kill.files("new"))
    assert out.stat().st_ino == before
    assert Path("index.html").read_bytes() == b"new"


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    """Where the report folder is a symbolic link, its target is replaced."""
    out = _old(tmp_path / "real")
    (tmp_path / "link").symlink_to(out)
    folder.publish(tmp_path / "link", kill.files("new"))
    assert (tmp_path / "link").is_symlink()
    assert (out / "index.html").read_bytes() == b"new"


def test_an_open_log_of_the_user_goes_on(tmp_path: Path) -> None:
    """A file that another program writes to is carried as the same file."""
    out = _old(tmp_path / "out")
    with (out / "run.log").open("a") as log:
        log.write("before ")
        folder.publish(out, kill.files("new"))
        log.write("after")
    assert (out / "run.log").read_text() == "before after"


def test_the_rights_of_the_folder_stay(tmp_path: Path) -> None:
    """A folder that only its owner may read is still one."""
    out = _old(tmp_path / "out")
    out.chmod(0o700)
    folder.publish(out, kill.files("new"))
    assert oct(os.stat(out).st_mode & 0o777) == "0o700"
