"""What is kept of unpacked files, on disk or in memory, is never trusted, and never half-filled."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from securemnist import data
from securemnist.errors import DataError
from tests.data.small import (
    TEST,
    TEST_IMAGES,
    TRAIN_IMAGES,
    small_set,
)
from tests.wording import one_sentence


def flip(place: int) -> Callable[[Path], None]:
    """Change one byte of a file."""

    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[place] ^= 0x55
        path.write_bytes(content)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink,
        lambda path: os.truncate(path, 100),
        lambda path: path.write_bytes(b""),
        flip(100),
        flip(2),
        flip(7),
    ],
    ids=["missing", "cut off", "empty", "a pixel", "the magic number", "the count"],
)
@pytest.mark.parametrize("name", [TRAIN_IMAGES, TEST_IMAGES])
def test_a_damaged_cache_is_made_again(
    damage: Callable[[Path], Any], name: str, folder: Path, cache: Path
) -> None:
    """Whatever happened to the unpacked files, the digits that arrive are the verified ones."""
    data.load(folder)
    (unpacked,) = cache.rglob(name)
    damage(unpacked)
    found = data.load(folder)
    assert found.test.pixels.numpy().tobytes() == small_set()[TEST_IMAGES][16:]
    assert unpacked.read_bytes() == small_set()[name]
    assert [path.name[0] != "." for path in (cache / "data").iterdir()] == [True]


@pytest.mark.parametrize("reads", [True, False], ids=["other digits", "nothing"])
def test_a_reader_that_reads_otherwise_is_noticed(
    reads: bool, folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Digits that torchvision reads differently are no data set, and no cache is left of them."""

    class MNIST(data.torchvision().MNIST):  # it looks into a folder of its class's name
        def __init__(self, *args: Any, **options: Any) -> None:
            if not reads:
                raise RuntimeError("operator torchvision::nms does not exist")
            super().__init__(*args, **options)
            self.targets = self.targets.roll(1)

    monkeypatch.setattr(data.torchvision(), "MNIST", MNIST)
    with pytest.raises(DataError, match="expected torchvision to read the verified train digits"):
        data.load(folder)
    assert not list((cache / "data").iterdir())


def test_a_rival_that_is_faster_is_no_error(
    folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When another process puts the folder in place a moment before, its folder is used."""
    rename, rivals = os.rename, []

    def beaten(source: Path, target: Path) -> None:
        if not rivals:
            rivals.append(threading.Thread(target=data.load, args=(folder,)))
            rivals[0].start()
            rivals[0].join()
        rename(source, target)

    monkeypatch.setattr(os, "rename", beaten)
    assert len(data.load(folder).test) == TEST
    assert len(rivals) == 1
    assert [path.name[0] != "." for path in (cache / "data").iterdir()] == [True]


RIVAL = """
import sys
from pathlib import Path
from tests.data.test_cache import unpack_often
print("ready", flush=True)
input()
unpack_often(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def unpack_often(folder: Path, caches: Path) -> None:
    """Load a data set forty times, each time with a cache that is not there yet."""
    for turn in range(40):
        os.environ["SECUREMNIST_CACHE"] = str(caches / str(turn))
        assert len(data.load(folder).test) == TEST


def test_two_processes_unpack_at_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes that find no cache at the same time both get their digits, forty times over."""
    monkeypatch.setenv("SECUREMNIST_CACHE", "restored after this test")
    command = [sys.executable, "-c", RIVAL, str(folder), str(tmp_path)]
    pipe = subprocess.PIPE
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=root) as rival:
        assert rival.stdin is not None
        assert rival.stdout is not None
        assert rival.stdout.readline() == "ready\n"
        rival.stdin.write("go\n")
        rival.stdin.flush()
        unpack_often(folder, tmp_path)
    assert rival.returncode == 0


def test_a_cache_that_cannot_be_written_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the chosen cache cannot be made, one DataError names it and the variable that chooses."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SECUREMNIST_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError, match=r"file.*SECUREMNIST_CACHE") as caught:
        data.load(folder)
    one_sentence(caught.value)


def test_files_are_read_anew(folder: Path, cache: Path) -> None:
    """What is in memory answers for equal bytes only, and what is done to digits stays with one load."""
    packed = folder / f"{TEST_IMAGES}.gz"
    content = (folder / TEST_IMAGES).read_bytes()
    (folder / TEST_IMAGES).unlink()
    packed.write_bytes(gzip.compress(content))
    first = data.load(folder)
    before = first.test.pixels.clone()
    first.test.pixels.zero_()
    assert torch.equal(data.load(folder).test.pixels, before)
    packed.write_bytes(gzip.compress(content[:-1] + bytes([content[-1] ^ 1])))
    again = data.load(folder)
    assert again.digests != first.digests
    assert int((again.test.pixels != before).sum()) == 1
