"""Files of adversarial examples: a round trip, and refusal of hostile files."""

from __future__ import annotations

import io
import pickle
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from securemnist.errors import DataError
from securemnist.evaluation.examples import Examples
from tests.error_form import one_sentence
from tests.pickle_trap import PickleTrap

TOTAL = 100
RNG = np.random.default_rng(3)
PLACES = np.array([2, 7, 41])
IMAGES = RNG.random((3, 1, 28, 28), dtype=np.float32)
GOOD = Examples(PLACES, IMAGES).dumps()


def packed(*, places: Any = PLACES, images: Any = IMAGES, **more: Any) -> bytes:
    """A file of these arrays."""
    file = io.BytesIO()
    np.savez_compressed(file, places=places, images=images, **more)
    return file.getvalue()


def zipped(members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def header(shape: str, dtype: str = "<f4", version: bytes = b"\x01\x00") -> bytes:
    """An npy member with this header and no data."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (117 - len(text)) + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text


def false_header(shape: str, **more: Any) -> bytes:
    """A file whose images have this header and no data."""
    with zipfile.ZipFile(io.BytesIO(GOOD)) as archive:
        places = archive.read("places.npy")
    return zipped({"places.npy": places, "images.npy": header(shape, **more)})


HOSTILE = {
    "empty": b"",
    "no archive": b"adversarial",
    "a pickle": pickle.dumps([1, 2]),
    "cut": GOOD[:-30],
    "no images": zipped({"places.npy": b""}),
    "a member more": packed(more=PLACES),
    "members that lead elsewhere": zipped({"../places.npy": b"", "images.npy": b""}),
    "members that are no arrays": zipped({"places.npy": b"7", "images.npy": b"7"}),
    "another version": false_header("(3, 1, 28, 28)", version=b"\x02\x00"),
    "a shape that is not there": false_header("(3, 1, 28, 28)"),
    "a shape beyond memory": false_header("(999999999999, 1, 28, 28)"),
    "a shape below zero": false_header("(-3, 1, 28, 28)"),
    "a shape of texts": false_header("('3', 1, 28, 28)"),
    "objects": packed(images=np.array([None] * 3)),
    "bytes for images": packed(images=(IMAGES * 255).astype(np.uint8)),
    "double precision": packed(images=IMAGES.astype(np.float64)),
    "the other byte order": packed(images=IMAGES.astype(">f4")),
    "columns first": packed(images=np.asfortranarray(IMAGES)),
    "images without a channel": packed(images=IMAGES[:, 0]),
    "images too few": packed(images=IMAGES[:2]),
    "more images than places": packed(images=np.zeros((TOTAL + 9, 1, 28, 28), np.float32)),
    "places twice": packed(places=np.array([2, 2, 41])),
    "places that fall": packed(places=np.array([41, 7, 2])),
    "places below zero": packed(places=np.array([-1, 7, 41])),
    "places beyond the end": packed(places=np.array([2, 7, TOTAL])),
}


def test_examples_round_trip() -> None:
    """Places and images are read back bit by bit, and equal examples give equal bytes."""
    back = Examples.loads(GOOD, name="a.npz", total=TOTAL, shape=(1, 28, 28))
    assert back.places.tolist() == PLACES.tolist()
    assert back.images.tobytes() == IMAGES.tobytes()
    assert back.dumps() == GOOD
    none = Examples(PLACES[:0], IMAGES[:0])
    assert len(Examples.loads(none.dumps(), name="a.npz", total=TOTAL, shape=(1, 28, 28))) == 0


@pytest.mark.parametrize("name", HOSTILE)
def test_loads_refuses_damaged_files(name: str) -> None:
    """Each damage is one sentence that names the file, with the exit code of a usage error."""
    with pytest.raises(DataError) as caught:
        Examples.loads(HOSTILE[name], name="ADV-03.npz", total=TOTAL, shape=(1, 28, 28))
    assert one_sentence(caught.value).startswith("ADV-03.npz: expected ")
    assert caught.value.exit_code == 2


def test_loads_refuses_pickles(tmp_path: Path) -> None:
    """Object arrays are refused without creating an object."""
    trap = np.array([PickleTrap(tmp_path / "sprung")] * 3)
    with pytest.raises(DataError):
        Examples.loads(packed(images=trap), name="a.npz", total=TOTAL, shape=(1, 28, 28))
    assert not (tmp_path / "sprung").exists()
    np.load(io.BytesIO(packed(images=trap)), allow_pickle=True)["images"]
    assert (tmp_path / "sprung").exists(), "the trap itself must work"


def test_loads_limits_unpacked_size() -> None:
    """Of 250 MB in a small file, no more is unpacked than the test set's images can hold."""
    bomb = zipped({"places.npy": b"\0" * (1 << 28), "images.npy": b""})
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="more than 100 places"):
            Examples.loads(bomb, name="a.npz", total=TOTAL, shape=(1, 28, 28))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@settings(max_examples=150)
@given(place=st.integers(0, len(GOOD) - 1), mask=st.integers(1, 255), cut=st.booleans())
def test_loads_after_random_damage(place: int, mask: int, cut: bool) -> None:
    """A cut file is refused; a changed byte is refused or leaves the images equal."""
    content = bytearray(GOOD[:place] if cut else GOOD)
    if not cut:
        content[place] ^= mask
    try:
        back = Examples.loads(bytes(content), name="a.npz", total=TOTAL, shape=(1, 28, 28))
    except DataError:
        return
    assert not cut
    assert back.images.tobytes() == IMAGES.tobytes()


def test_loads_refuses_many_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive with thousands of members is refused before zipfile reads its directory."""
    many = zipped({f"{number}.npy": b"" for number in range(3_000)})

    def read(*_: Any, **__: Any) -> None:
        raise AssertionError("zipfile must not see it")

    monkeypatch.setattr(zipfile, "ZipFile", read)
    zip64 = GOOD[:-22] + b"PK\x06\x07" + bytes(16) + GOOD[-22:]
    for content in (many, zip64, GOOD + b"comment"):
        with pytest.raises(DataError, match="no archive as numpy writes it"):
            Examples.loads(content, name="x", total=TOTAL, shape=(1, 28, 28))
