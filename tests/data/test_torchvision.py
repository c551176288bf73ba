"""Comparison with torchvision's reader, and no files left behind."""

from __future__ import annotations

import errno
import gzip
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch

from securemnist import data
from securemnist.data import DataSet, idx_files, torchvision_check
from securemnist.errors import DataError
from tests.data.small import TEST, TEST_IMAGES, small_set
from tests.error_form import one_sentence


def test_torchvision_reads_same_images(mnist: DataSet) -> None:
    """Torchvision's MNIST class reads the images and labels of the bundled files."""
    data.check_torchvision(mnist)


@pytest.mark.parametrize("split", ["pixels", "labels"])
def test_torchvision_difference_detected(
    split: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One pixel or one label that torchvision reads differently is a DataError."""
    found = data.load(folder)

    class MNIST(
        torchvision_check.torchvision().MNIST
    ):  # it looks into a folder of its class's name
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            if split == "pixels":
                self.data[0, 0, 0] ^= 1
            else:
                self.targets = self.targets.roll(1)

    monkeypatch.setattr(torchvision_check.torchvision(), "MNIST", MNIST)
    with pytest.raises(DataError, match="expected torchvision to read the verified train images"):
        data.check_torchvision(found)


def test_torchvision_error_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A torchvision that raises is one DataError that says what to install."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(torchvision_check.torchvision(), "MNIST", broken)
    with pytest.raises(DataError, match="got others or none") as caught:
        data.check_torchvision(data.load(folder))
    one_sentence(caught.value)


def test_idx_writer_reproduces_files(folder: Path) -> None:
    """An array written as IDX has the bytes of the file that it was read from."""
    found = data.load(folder)
    assert idx_files.dumps(found.test.pixels.squeeze(1).numpy()) == small_set()[TEST_IMAGES]


def test_loading_writes_no_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading writes no file, and the comparison with torchvision removes its folder."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    for name in ("HOME", "XDG_CACHE_HOME", "SECUREMNIST_CACHE", "TMPDIR"):
        monkeypatch.setenv(name, str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    before = sorted(folder.iterdir())
    found = data.load(folder)
    assert list(scratch.iterdir()) == []
    data.check_torchvision(found)
    assert list(scratch.iterdir()) == []
    assert sorted(folder.iterdir()) == before


def test_loading_without_writable_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data is loaded where no folder can be created."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "mkdir", refuse)
    monkeypatch.setattr(os, "rename", refuse)
    assert len(data.load(folder).test) == TEST


def test_torchvision_check_without_disk_space(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is one DataError with the folder, also if the error names none."""

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    found = data.load(folder)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match="No space left") as caught:
        data.check_torchvision(found)
    assert one_sentence(caught.value).startswith(tempfile.gettempdir())


def test_files_read_at_each_load(folder: Path) -> None:
    """Each load reads the files again, and changes to loaded images do not affect the next load."""
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
