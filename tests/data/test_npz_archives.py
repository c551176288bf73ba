"""NPZ archives that are damaged, too large when unpacked, or of 64-bit sizes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from securemnist import data
from securemnist.data import array_member, npz_file
from securemnist.errors import DataError
from tests.data.pictures import npz, random_pixels
from tests.error_form import one_sentence

N, H, W = 20, 12, 10
Y = np.arange(N) % 5
X = random_pixels(N, H, W, 3)[..., 0]


def cut(content: bytes) -> bytes:
    """The first half of a file."""
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    """A file with a changed byte in its first array."""
    return content[:20_000] + bytes([content[20_000] ^ 1]) + content[20_001:]


def without_middle(content: bytes) -> bytes:
    """A file whose directory names arrays beyond its end."""
    return content[:300] + content[-400:]


@pytest.mark.parametrize(
    "damage", [cut, flipped, without_middle, lambda _: b"", lambda _: b"PK" * 99]
)
@pytest.mark.parametrize("limit", [100, 1 << 20])
def test_damaged_archives_refused(
    damage: Any, limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A truncated or altered archive is refused; memory-mapped arrays are checked for their length."""
    x = random_pixels(N, 40, 40)
    path = npz(tmp_path / "set.npz", x_test=x, y_test=Y)
    path.write_bytes(damage(path.read_bytes()))
    monkeypatch.setattr(npz_file, "IN_MEMORY", limit)
    if damage is flipped and limit == 100:  # its checksum is not computed, its digest is
        assert data.load(path).digest != data.load(npz(path, x_test=x, y_test=Y)).digest
        return
    with pytest.raises(DataError) as caught:
        data.load(path)
    assert one_sentence(caught.value).startswith(str(path))


def test_shape_of_truth_values_refused(tmp_path: Path) -> None:
    """A header whose shape has True for 1, which NumPy's parser lets pass, is refused."""
    path = npz(tmp_path / "set.npz", x_test=X, y_test=Y)
    shape = f"{(N, H, W)}"
    other = f"{(N, True, H * W)}".ljust(len(shape))
    content = path.read_bytes()
    written = io.BytesIO()
    np.lib.format.write_array(written, X)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x_test.npy", padded(written.getvalue(), shape, other))
        archive.writestr("y_test.npy", zipfile.ZipFile(io.BytesIO(content)).read("y_test.npy"))
    with pytest.raises(DataError, match="x_test: expected") as caught:
        data.load(path)
    one_sentence(caught.value)


def padded(array: bytes, text: str, other: str) -> bytes:
    """An array with another text in its header, which keeps its length."""
    more = len(other) - len(text)
    return array.replace(f"{text}, }}{' ' * more}".encode(), f"{other}, }}".encode())


def test_bombs_refused_before_they_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compressed images above the limit, and a long directory, are refused without reading them."""
    path = npz(tmp_path / "bomb.npz", compressed=True, x_test=np.zeros((99, 99, 99), np.uint8),
               y_test=np.arange(99) % 2)  # fmt: skip
    monkeypatch.setattr(npz_file, "_LARGEST_COMPRESSED", 900_000)
    with pytest.raises(DataError, match=r"of compressed images, got 970,299 bytes"):
        data.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(9_999):
            archive.writestr(f"{number:0100}", b"")
    monkeypatch.setattr(array_member.zipfile, "ZipFile", None)
    with pytest.raises(DataError, match="got a directory of over 1 MiB"):
        data.load(path)


def test_zip_with_64_bit_sizes_is_read(tmp_path: Path) -> None:
    """The form of archives above 4 GiB is read, also where the array is memory-mapped."""
    path = tmp_path / "set.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in (("x_test", X), ("y_test", Y)):
            content = io.BytesIO()
            np.save(content, array)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                member.write(content.getvalue())
    assert data.load(path).digest == data.load(npz(tmp_path / "b.npz", x_test=X, y_test=Y)).digest
