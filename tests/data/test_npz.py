"""NPZ files: layouts, types, memory mapping, and hostile files."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from securemnist import data
from securemnist.data import npz_file, storage
from securemnist.errors import DataError
from tests.data.pictures import npz, random_pixels
from tests.error_form import one_sentence
from tests.pickle_trap import PickleTrap

N, H, W = 20, 12, 10
Y = np.arange(N) % 5
HWC = random_pixels(N, H, W, 3)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("x", "shape"),
    [
        (HWC[..., 0], (1, H, W)),
        (HWC, (3, H, W)),
        (HWC.transpose(0, 3, 1, 2).copy(), (3, H, W)),
        (HWC[..., :1], (1, H, W)),
        (np.concatenate([HWC, HWC[..., :1]], 3), (4, H, W)),
    ],
    ids=["HW", "HWC", "CHW", "one channel", "four channels"],
)
def test_layouts(x: np.ndarray[Any, Any], shape: Any, compressed: bool, tmp_path: Path) -> None:
    """Images of each layout are read as (n, C, H, W), compressed or not."""
    found = data.load(npz(tmp_path / "set.npz", compressed=compressed, x_test=x, y_test=Y))
    assert found.name == "set"
    assert found.spec.shape == shape
    assert found.spec.classes == 5
    assert found.test.pixels.shape == (N, *shape)
    assert found.test.labels.tolist() == Y.tolist()
    first = x if x.ndim == 3 else x[..., 0] if x.shape[-1] < 5 else x[:, 0]
    assert np.array_equal(found.test.pixels[:, 0].numpy(), first)
    assert len(found.train) == len(found.tuning) == 0


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_of_bytes_have_the_digest_of_bytes(kind: Any, tmp_path: Path) -> None:
    """Floats that are whole 255ths are kept as bytes; a half-precision set keeps its own values."""
    coarse = data.load(npz(tmp_path / "a.npz", x_test=HWC, y_test=Y))
    x = (HWC / 255).astype(kind)
    found = data.load(npz(tmp_path / "b.npz", x_test=x, y_test=Y))
    assert (found.digest == coarse.digest) is (kind is not np.float16)
    wanted = torch.from_numpy(x.astype(np.float32)).permute(0, 3, 1, 2)
    assert torch.equal(found.test.images(), wanted)


def test_training_and_tuning(tmp_path: Path) -> None:
    """The tuning split is the last twelfth of training, and copies of training images are found."""
    x = random_pixels(24, H, W, seed=1)
    y = np.arange(24)[:, None] % 5
    found = data.load(
        npz(tmp_path / "s.npz", x_test=np.concatenate([HWC[..., 0], x[:2]]), y_test=np.r_[Y, 0, 1],
            x_train=x, y_train=y)
    )  # fmt: skip
    assert [len(part) for part in (found.train, found.tuning, found.test)] == [22, 2, 22]
    assert found.copies.of_training == 2
    assert set(found.digests) == {"test", "training"}


@pytest.mark.parametrize("shape", [(N, H, W, 3), (N, 3, H, W), (N, H, W)])
def test_large_bytes_are_memory_mapped(
    shape: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uncompressed bytes above the limit stay in the file, with the same digest, copies and images."""
    x = random_pixels(*shape)
    x[3] = x[9]
    arrays = {"x_test": x, "y_test": Y, "x_train": x[5:7], "y_train": Y[5:7]}
    small = data.load(npz(tmp_path / "set.npz", **arrays))
    monkeypatch.setattr(npz_file, "IN_MEMORY", 100)
    large = data.load(tmp_path / "set.npz")
    assert large.test.mapping is not None
    assert large.test[4:6].mapping is not None
    assert large.test[torch.tensor([2, 1])].mapping is None
    assert (large.digests, large.digest) == (small.digests, small.digest)
    assert large.copies == small.copies
    assert (large.copies.of_training, large.copies.repeated) == (2, 1)
    assert torch.equal(large.test.images(), small.test.images())


def test_large_floats_are_stored_in_a_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images above the limit that are not bytes go to a file without a name, unchanged."""
    x = np.random.default_rng(0).random((N, H, W), np.float32)
    x[: N // 2] = HWC[: N // 2, ..., 0] / np.float32(
        255
    )  # the room for bytes is rebuilt for floats
    small = data.load(npz(tmp_path / "set.npz", x_test=x, y_test=Y))
    monkeypatch.setattr(storage, "IN_MEMORY", 100)
    monkeypatch.setattr(
        "securemnist.data.npz_file.pieces", lambda n, _: [(i, i + 1) for i in range(n)]
    )
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    large = data.load(tmp_path / "set.npz")
    assert large.test.mapping is not None
    assert large.digest == small.digest
    assert torch.equal(large.test.images()[:, 0], torch.from_numpy(x))
    assert [path.name for path in tmp_path.iterdir()] == ["set.npz"]


def test_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is reserved before it is written, so that a full disk is a DataError."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "IN_MEMORY", 100)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(DataError, match=r"No space left.*TMPDIR") as caught:
        data.load(npz(tmp_path / "s.npz", x_test=HWC.astype(np.float32) / 256, y_test=Y))
    one_sentence(caught.value)


def header(text: str) -> bytes:
    """The start of an .npy file with this header."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def described(shape: str, kind: str = "|u1") -> bytes:
    """An .npy file whose header states this shape, and has no array."""
    return header(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n")


X = HWC[..., 0]
NAN = np.full((N, H, W), np.nan, np.float32)
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no arrays": ({}, "expected x_test and y_test.*got none"),
    "other names": ({"images": X, "labels": Y}, "expected x_test and y_test"),
    "training images without labels": (
        {"x_test": X, "y_test": Y, "x_train": X},
        "x_train with y_train",
    ),
    "whole numbers": ({"x_test": X.astype(int), "y_test": Y}, "uint8, or floats"),
    "floats to 255": ({"x_test": X.astype(np.float32), "y_test": Y}, "got pixels from 0 to 255"),
    "huge floats": ({"x_test": np.full((N, H, W), 1e300), "y_test": Y}, "got NaN or inf"),
    "NaN": ({"x_test": NAN, "y_test": Y}, "got NaN"),
    "floats as bytes": (
        {"x_test": X // 128, "y_test": Y},
        "brightness of 0 to 255, got none above 1",
    ),
    "rows of pixels": ({"x_test": X.reshape(N, -1), "y_test": Y}, r"\(n, H, W, C\).*got shape"),
    "many channels": ({"x_test": random_pixels(N, 8, 8, 8), "y_test": Y}, "1 to 4 channels"),
    "ambiguous channels": ({"x_test": random_pixels(N, 3, 9, 3), "y_test": Y}, "HWC or CHW"),
    "tiny": ({"x_test": random_pixels(N, 7, 9), "y_test": Y}, "sides of 8 to 512 pixels"),
    "one number": (
        {"x_test": np.uint8(3), "y_test": Y},
        r"x_test: expected images .*got shape \(\)",
    ),
    "no images": ({"x_test": X[:0], "y_test": Y[:0]}, "at least one"),
    "too few labels": ({"x_test": X, "y_test": Y[1:]}, "expected 20 labels.*one label an image"),
    "one-hot labels": ({"x_test": X, "y_test": np.eye(5)[Y]}, "argmax"),
    "float labels": ({"x_test": X, "y_test": Y * 1.0}, r"labels as integers.*\.astype\(int\)"),
    "names as labels": (
        {"x_test": X, "y_test": np.array(list("abcde"))[Y]},
        "got <U1 .*number the classes from 0",
    ),
    "negative labels": ({"x_test": X, "y_test": Y - 1}, "got labels from -1"),
    "enormous labels": ({"x_test": X, "y_test": np.full(N, 2**64 - 1, np.uint64)}, "got 18446744"),
    "one class": ({"x_test": X, "y_test": Y * 0}, "expected 2 to 1,000 classes, got 1"),
    "1,001 classes": ({"x_test": X, "y_test": Y + 996}, "expected 2 to 1,000 classes"),
    "training of another size": (
        {"x_test": X, "y_test": Y, "x_train": X[:, 1:], "y_train": Y},
        "training images of 1x12x10",
    ),
    "colour training": (
        {"x_test": X, "y_test": Y, "x_train": HWC, "y_train": Y},
        "training images of 1x12x10 like the test images, got 3x12x10",
    ),
    "repeated images": ({"x_test": X[[0] * 20], "y_test": Y}, "1 different ones among 20"),
    "Fortran order": ({"x_test": np.asfortranarray(X), "y_test": Y}, "ascontiguousarray"),
    "objects": ({"x_test": np.array([PickleTrap(Path("x"))]), "y_test": Y}, "pickles can run code"),
    "labels as objects": (
        {"x_test": X, "y_test": np.array([PickleTrap(Path("x"))])},
        "pickles can run code",
    ),
    "a large shape": ({"x_test": described("(9000000000, 9, 9)"), "y_test": Y}, "bytes for uint8"),
    "a negative shape": ({"x_test": described("(-1, -9, 9)"), "y_test": Y}, "y_test|bytes for"),
    "a header of brackets": ({"x_test": header("(" * 9_000), "y_test": Y}, "a NumPy array"),
    "an unknown type": ({"x_test": described("(1,)", "wrong"), "y_test": Y}, "a NumPy array"),
    "no header": ({"x_test": b"hello", "y_test": Y}, "a NumPy array"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arrays_refused(name: str, cwd: Path) -> None:
    """Arrays of another name, type, shape or range are one DataError with the path; no pickle runs."""
    arrays, words = WRONG[name]
    path = npz(cwd / "set.npz", **arrays)
    with pytest.raises(DataError, match=words) as caught:
        data.load(path)
    assert one_sentence(caught.value).startswith(str(path))
    assert [each.name for each in cwd.iterdir()] == ["set.npz"]
