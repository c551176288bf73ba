"""CIFAR's binary files, and the refusal of its pickles."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from securemnist import data
from securemnist.errors import DataError
from tests.data.pictures import random_pixels
from tests.error_form import one_sentence
from tests.pickle_trap import PickleTrap

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def records(n: int, *label_bytes: int, seed: int = 0) -> bytes:
    """Random records; the last of the label bytes is increased by the place modulo 10."""
    pixels = random_pixels(n, 3072, seed=seed)
    labels = np.tile(np.array(label_bytes, np.uint8), (n, 1))
    labels[:, -1] += np.arange(n, dtype=np.uint8) % 10
    return np.hstack([labels, pixels]).tobytes()


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    """A folder in the form of CIFAR-10."""
    (tmp_path / "test_batch.bin").write_bytes(records(20, 0))
    for number in (1, 2):
        (tmp_path / f"data_batch_{number}.bin").write_bytes(records(12, 0, seed=number))
    (tmp_path / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    return tmp_path


def test_cifar_10(ten: Path) -> None:
    """Batches are read in the order of their numbers, as planes of red, green and blue."""
    found = data.load(ten)
    assert str(found.spec) == "3x32x32, 10 classes"
    assert found.spec.class_names == tuple(NAMES)
    assert [len(part) for part in (found.train, found.tuning, found.test)] == [22, 2, 20]
    assert found.test.labels.tolist() == [*range(10)] * 2
    assert np.array_equal(found.test.pixels.flatten(1).numpy(), random_pixels(20, 3072))
    assert found.train[12:14].labels.tolist() == [0, 1]


def test_cifar_100_has_fine_labels(tmp_path: Path) -> None:
    """Of two labels the fine one counts; without training images there is no tuning split."""
    (tmp_path / "test.bin").write_bytes(records(20, 3, 90))
    (tmp_path / "fine_label_names.txt").write_text("\n".join(f"class {i}" for i in range(100)))
    found = data.load(tmp_path)
    assert found.spec.classes == 100
    assert found.test.labels.tolist() == [*range(90, 100)] * 2
    assert len(found.train) == len(found.tuning) == 0
    (tmp_path / "train.bin").write_bytes(records(24, 1, 10))
    assert len(data.load(tmp_path).train) == 22


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (
        lambda p: os.truncate(p / "test_batch.bin", 3_000),
        "records of 3,073 bytes, got 3,000",
    ),
    "empty": (lambda p: (p / "data_batch_2.bin").write_bytes(b""), "records of 3,073 bytes, got 0"),
    "batch missing": (
        lambda p: (p / "data_batch_1.bin").unlink(),
        "expected data_batch_1.bin, since data_batch_2.bin exists",
    ),
    "test images missing": (
        lambda p: (p / "test_batch.bin").unlink(),
        "test_batch.bin: .*No such file",
    ),
    "names missing": (
        lambda p: (p / "batches.meta.txt").unlink(),
        "batches.meta.txt: .*No such file",
    ),
    "names as bytes": (lambda p: (p / "batches.meta.txt").write_bytes(b"\xff"), "UTF-8"),
    "too few names": (lambda p: (p / "batches.meta.txt").write_text("a\nb"), "labels 0 to 1"),
    "a FIFO": (
        lambda p: ((p / "data_batch_1.bin").unlink(), os.mkfifo(p / "data_batch_1.bin")),
        "a FIFO, not a regular file",
    ),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", CHANGES)
def test_wrong_files_refused(name: str, ten: Path) -> None:
    """Files of another length, missing names and special files are one DataError with the path."""
    change, words = CHANGES[name]
    change(ten)
    with pytest.raises(DataError, match=words) as caught:
        data.load(ten)
    assert one_sentence(caught.value).startswith(str(ten))


@pytest.mark.parametrize("names", [["data_batch_1", "test_batch"], ["meta", "train", "test"]])
def test_python_version_refused(names: list[str], tmp_path: Path) -> None:
    """The pickles of CIFAR's Python version are refused with the way out, and not loaded."""
    for name in names:
        (tmp_path / name).write_bytes(pickle.dumps(PickleTrap(tmp_path / "ran")))
    with pytest.raises(DataError, match=r"binary version .*numpy.savez") as caught:
        data.load(tmp_path)
    one_sentence(caught.value)
    assert not (tmp_path / "ran").exists()
