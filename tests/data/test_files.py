"""Data files: validation, splits, other data sets."""

from __future__ import annotations

import gzip
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from securemnist import data
from securemnist._util import resources
from securemnist.data import DataSet, idx_files
from securemnist.errors import DataError
from tests.data.small import (
    TEST,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    idx,
    small_set,
)
from tests.error_form import one_sentence


def gz(cut: slice = slice(None), **changes: bytes) -> Callable[[bytes], dict[str, bytes | None]]:
    """Replace the plain training images by a compressed file, of which a part is kept."""
    return lambda content: {
        TRAIN_IMAGES: None,
        f"{TRAIN_IMAGES}.gz": gzip.compress(content, mtime=0)[cut],
    }


def images(content: bytes | np.ndarray[Any, Any]) -> Callable[[bytes], dict[str, bytes | None]]:
    """Replace the training images."""
    return lambda _: {TRAIN_IMAGES: content if isinstance(content, bytes) else idx(content)}


def labels(content: bytes | np.ndarray[Any, Any]) -> Callable[[bytes], dict[str, bytes | None]]:
    """Replace the training labels."""
    return lambda _: {TRAIN_LABELS: content if isinstance(content, bytes) else idx(content)}


def grey(*shape: int) -> np.ndarray[Any, Any]:
    """Bytes of this shape, all 7."""
    return np.full(shape, 7, np.uint8)


def broken_gz(content: bytes) -> dict[str, bytes | None]:
    """Compressed training images with a wrong checksum."""
    packed = bytearray(gzip.compress(content))
    packed[-6] ^= 1
    return {TRAIN_IMAGES: None, f"{TRAIN_IMAGES}.gz": bytes(packed)}


def stale_gz(content: bytes) -> dict[str, bytes | None]:
    """Compressed training images beside the plain ones, with one different pixel."""
    return {f"{TRAIN_IMAGES}.gz": gzip.compress(content[:-1] + bytes([content[-1] ^ 1]))}


WRONG: dict[str, tuple[Callable[[bytes], dict[str, bytes | None]], str]] = {
    "missing": (lambda _: {TRAIN_IMAGES: None}, "expected a file, got none"),
    "cut off in the middle": (gz(slice(0, 3_000)), "expected a whole file, got EOFError"),
    "cut off by a byte": (gz(slice(0, -1)), "expected a whole file, got EOFError"),
    "not gzip at all": (gz(slice(5, None)), "got BadGzipFile"),
    "wrong checksum": (broken_gz, "got BadGzipFile"),
    "a plain file and another compressed one": (stale_gz, "got two that differ"),
    "empty gzip": (gz(slice(0, 0)), "expected an IDX header of 16 bytes, got 0"),
    "empty": (images(b""), "expected an IDX header of 16 bytes, got 0"),
    "labels as images": (images(grey(24)), "expected an IDX header|magic number 2051"),
    "wrong magic": (images(b"\x89PNG" + bytes(100)), "expected IDX magic number 2051"),
    "large images": (
        images(grey(24, 32, 32)),
        "expected images of 1x28x28, as in t10k-.*, got 1x32x32",
    ),
    "colour images": (images(grey(24, 28, 28, 3)), "expected images of 1x28x28.*, got 3x28x28"),
    "no channels": (images(grey(24, 28, 28, 28)), "1 to 4 channels, got shape"),
    "no images": (images(grey(0, 28, 28)), "expected at least one image, got 0"),
    "an image short": (images(idx(grey(24, 28, 28))[:-1]), "bytes for 24 images, got"),
    "a byte more": (images(idx(grey(24, 28, 28)) + b"!"), "bytes for 24 images, got"),
    "floats stored as bytes": (images(grey(24, 28, 28) // 7), "brightness of 0 to 255, got none"),
    "no labels": (labels(b""), "expected an IDX header of 8 bytes, got 0"),
    "images as labels": (labels(grey(24, 28, 28)), "expected IDX magic number 2049"),
    "a label short": (labels(grey(23)), "expected 24 labels, one an image, got 23"),
    "a label more": (labels(grey(25)), "expected 24 labels, one an image, got 25"),
    "labels cut off": (labels(idx(grey(24))[:-1]), "expected 32 bytes, got 31"),
}


@pytest.mark.parametrize("name", WRONG)
def test_damaged_data_file_refused(name: str, folder: Path) -> None:
    """A missing, damaged or malformed file is one DataError with its path."""
    damage, words = WRONG[name]
    for file, content in damage((folder / TRAIN_IMAGES).read_bytes()).items():
        (folder / file).unlink(missing_ok=True)
        if content is not None:
            (folder / file).write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        data.load(folder)
    text = one_sentence(caught.value)
    assert text.startswith(str(folder / "train-"))
    assert name == "no channels" or text.endswith("or name another folder with --data")


def test_decompression_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file that unpacks to more than the limit is refused after the limit."""
    monkeypatch.setattr(idx_files, "MAX_BYTES", 100_000)
    bomb = folder / f"{TRAIN_IMAGES}.gz"
    bomb.write_bytes(gzip.compress(bytes(10_000_000)))
    read = []
    original = gzip.GzipFile.read
    monkeypatch.setattr(
        gzip.GzipFile, "read", lambda self, n=-1: (read.append(n), original(self, n))[1]
    )
    with pytest.raises(DataError, match="expected at most 100000 bytes unpacked") as caught:
        data.load(folder)
    one_sentence(caught.value)
    assert read == [100_001]


def test_changed_mnist_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundled files must have their pinned digests, also if the format is valid."""
    for path in resources.MNIST.iterdir():
        (tmp_path / path.name).symlink_to(path)
    packed = tmp_path / f"{TEST_LABELS}.gz"
    content = bytearray(gzip.decompress(packed.read_bytes()))
    content[8] = (content[8] + 1) % 10
    packed.unlink()
    packed.write_bytes(gzip.compress(bytes(content)))
    monkeypatch.setattr(resources, "MNIST", tmp_path)
    with pytest.raises(DataError, match="expected SHA-256 ff7bcfd416de") as caught:
        data.load()
    assert one_sentence(caught.value).startswith(str(tmp_path / TEST_LABELS))


def test_mnist_splits(mnist: DataSet) -> None:
    """55,000 training, 5,000 tuning (the end of the training files) and 10,000 test images."""
    assert [len(part) for part in (mnist.train, mnist.tuning, mnist.test)] == [
        55_000,
        5_000,
        10_000,
    ]
    assert (mnist.name, mnist.pinned) == ("MNIST", True)
    raw = gzip.decompress((resources.MNIST / f"{TRAIN_LABELS}.gz").read_bytes())
    written = torch.frombuffer(bytearray(raw[8:]), dtype=torch.uint8).long()
    assert torch.equal(torch.cat([mnist.train.labels, mnist.tuning.labels]), written)
    raw = gzip.decompress((resources.MNIST / f"{TEST_IMAGES}.gz").read_bytes())
    assert mnist.test.pixels.numpy().tobytes() == raw[16:]


def test_images_dtype_and_range(mnist: DataSet) -> None:
    """Images are float32 (n, 1, 28, 28), with bytes 0 to 255 mapped to [0, 1]."""
    images = mnist.test[:50].images()
    assert (images.dtype, tuple(images.shape)) == (torch.float32, (50, 1, 28, 28))
    assert (images.min(), images.max()) == (0, 1)
    assert torch.equal((images * 255).round().to(torch.uint8), mnist.test.pixels[:50])
    assert torch.equal(mnist.test[torch.tensor([3, 1])].labels, mnist.test.labels[[3, 1]])


@pytest.mark.parametrize("packed", [False, True])
def test_load_other_folder(packed: bool, folder: Path) -> None:
    """Another data set, plain or compressed, is read as written, named by its folder, not pinned."""
    files = small_set()
    if packed:
        for name in files:
            (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
            (folder / name).unlink()
    found = data.load(folder)
    assert (found.name, found.pinned) == ("mine", False)
    assert [len(part) for part in (found.train, found.tuning, found.test)] == [22, 2, TEST]
    pixels = torch.cat([found.train.pixels, found.tuning.pixels])
    assert pixels.numpy().tobytes() == files[TRAIN_IMAGES][16:]
    assert found.test.pixels.numpy().tobytes() == files[TEST_IMAGES][16:]
    assert found.test.labels.tolist() == list(files[TEST_LABELS][8:])


@pytest.mark.parametrize(("distinct", "whole"), [(10, False), (17, False), (18, True), (20, True)])
def test_repeated_test_images_refused(distinct: int, whole: bool, folder: Path) -> None:
    """A test set with many copies of few images is refused, since intervals assume independence."""
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, (distinct, 28, 28), np.uint8)
    (folder / TEST_IMAGES).write_bytes(idx(pixels[np.arange(20) % distinct]))
    (folder / TEST_LABELS).write_bytes(idx(rng.integers(0, 10, 20, np.uint8)))
    if whole:
        assert len(data.load(folder).test) == 20
        return
    with pytest.raises(DataError) as caught:
        data.load(folder)
    assert f"got {distinct} different ones among 20" in one_sentence(caught.value)


@pytest.fixture
def write_idx(tmp_path: Path) -> Callable[[Path, Any], None]:
    """The function of docs/data.md that writes arrays."""
    page = (resources.ROOT / "docs" / "data.md").read_text()
    (tmp_path / "page.py").write_text(page.split("```python")[1].split("```")[0])
    function: Callable[[Path, Any], None] = runpy.run_path(str(tmp_path / "page.py"))["write_idx"]
    return function


def test_documented_writer_round_trip(folder: Path, write_idx: Callable[[Path, Any], None]) -> None:
    """Arrays of other types and layouts, written by the documented function, are read unchanged."""
    rng = np.random.default_rng(1)
    pixels, classes = rng.integers(0, 256, (24, 28, 28)), rng.integers(0, 10, 24)
    for images, labels_ in (
        (pixels.astype(np.float64), classes.astype(">i4")),
        (np.asfortranarray(pixels), classes.astype(np.float32)),
        (np.repeat(pixels, 2, axis=0)[::2], classes[::-1][::-1]),
    ):
        write_idx(folder / TRAIN_IMAGES, images)
        write_idx(folder / TRAIN_LABELS, labels_)
        read = data.load(folder)
        both = torch.cat([read.train.pixels, read.tuning.pixels])
        assert torch.equal(both.squeeze(1), torch.from_numpy(pixels.astype(np.uint8)))
        assert torch.cat([read.train.labels, read.tuning.labels]).tolist() == classes.tolist()


@pytest.mark.parametrize(
    "array",
    [
        np.full((3, 28, 28), 0.5),
        np.full((3, 28, 28), -1),
        np.full((3, 28, 28), 256),
        np.full((3, 28, 28, 1), 7),
        np.eye(10)[:3],
        np.array([0.5, 1, 2]),
    ],
    ids=["floats to 1", "negative", "beyond 255", "channels", "one-hot", "half classes"],
)
def test_documented_writer_refuses_lossy_arrays(
    array: np.ndarray[Any, Any], tmp_path: Path, write_idx: Callable[[Path, Any], None]
) -> None:
    """Values that bytes cannot represent are refused, and nothing is written."""
    with pytest.raises(ValueError, match="expected images or labels"):
        write_idx(tmp_path / "images", array)
    assert not (tmp_path / "images").exists()
