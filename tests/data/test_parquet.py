"""Parquet files in the form of Hugging Face's data sets."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from securemnist import data
from securemnist.data import picture
from securemnist.errors import DataError
from tests.data.pictures import SIDE, png, random_pixels
from tests.error_form import one_sentence

N = 150  # more than a batch
PICTURES = [png(random_pixels(SIDE, SIDE, 3, seed=seed)) for seed in range(N)]
LABELS = [number % 3 for number in range(N)]
NAMES = {"info": {"features": {"label": {"names": ["a", "b", "c"], "_type": "ClassLabel"}}}}


def write(path: Path, images: Any = PICTURES, labels: Any = LABELS, **metadata: Any) -> Path:
    """A Parquet file with these columns."""
    table = pa.table({"image": images, "label": labels, "unread": [None] * len(labels)})
    pq.write_table(
        table.replace_schema_metadata({key: json.dumps(of) for key, of in metadata.items()}),
        path,
        row_group_size=70,
    )
    return path


@pytest.mark.parametrize("kind", ["binary", "struct"])
def test_file_is_the_test_split(kind: str, tmp_path: Path) -> None:
    """Pictures, plain or in a struct whose path is not opened, are read with labels and class names."""
    structs = [{"bytes": content, "path": "/dev/zero"} for content in PICTURES]
    images = PICTURES if kind == "binary" else structs
    found = data.load(write(tmp_path / "set.parquet", images, huggingface=NAMES))
    assert (found.name, len(found.test), len(found.train)) == ("set", N, 0)
    assert str(found.spec) == f"3x{SIDE}x{SIDE}, 3 classes"
    assert found.spec.class_names == ("a", "b", "c")
    assert found.test.labels.tolist() == LABELS
    last = found.test.pixels[-1].permute(1, 2, 0).numpy()
    assert np.array_equal(last, random_pixels(SIDE, SIDE, 3, seed=N - 1))


def test_folder_has_splits(tmp_path: Path) -> None:
    """Files test* and train* of a folder are its splits, several files of one in the order of names."""
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "train-00000-of-00002.parquet", PICTURES[:20], LABELS[:20])
    write(folder / "train-00001-of-00002.parquet", PICTURES[20:36], LABELS[20:36])
    write(folder / "test-00000-of-00001.parquet", PICTURES[36:60], LABELS[36:60])
    with pytest.raises(DataError, match="got Parquet files in data; name that folder"):
        data.load(tmp_path)  # as a repository of Hugging Face
    found = data.load(folder)
    assert [len(part) for part in (found.train, found.tuning, found.test)] == [33, 3, 24]
    assert found.tuning.labels.tolist() == LABELS[33:36]
    assert found.spec.class_names == ()


def test_missing_part_refused(tmp_path: Path) -> None:
    """A split of which one numbered file is missing is refused: the rest is not the whole split."""
    last = write(tmp_path / "test-00002-of-00003-0a1b.parquet", PICTURES[:20], LABELS[:20])
    write(tmp_path / "test-00000-of-00003-9c.parquet", PICTURES[20:40], LABELS[20:40])
    with pytest.raises(DataError, match=r"3 files test-.*got 2 without number 1; copy") as caught:
        data.load(tmp_path)
    one_sentence(caught.value)
    last.rename(tmp_path / "other.parquet")
    with pytest.raises(DataError, match="got 1 without number 1; copy"):
        data.load(tmp_path)
    (tmp_path / "test-00000-of-00003-9c.parquet").rename(tmp_path / "test-a-b.parquet")
    assert len(data.load(tmp_path).test) == 20


def test_class_names_of_any_file(tmp_path: Path) -> None:
    """Names that only the training files store count: they say how many classes there are."""
    more = {"info": {"features": {"label": {"names": ["a", "b", "c", "d"]}}}}
    write(tmp_path / "test.parquet", PICTURES[:20], LABELS[:20])
    write(tmp_path / "train.parquet", PICTURES[20:40], LABELS[20:40], huggingface=more)
    assert data.load(tmp_path).spec.class_names == ("a", "b", "c", "d")


def test_grey_and_colour_splits_become_colour(tmp_path: Path) -> None:
    """A grey test split is colour where the training split is."""
    grey = [png(random_pixels(SIDE, SIDE, seed=seed)) for seed in range(20)]
    write(tmp_path / "test.parquet", grey, LABELS[:20])
    write(tmp_path / "train.parquet", PICTURES[:20], LABELS[:20])
    found = data.load(tmp_path)
    assert found.spec.channels == 3
    assert np.array_equal(found.test.pixels[0, 2].numpy(), random_pixels(SIDE, SIDE, seed=0))


WRONG: dict[str, tuple[Any, str]] = {
    "another column": (lambda p: pq.write_table(pa.table({"img": [b""], "label": [1]}), p), "img"),
    "a column twice": (
        lambda p: pq.write_table(pa.table([[b""], [b""], [1]], ["image", "image", "label"]), p),
        r"image \(binary\), image \(binary\), label",
    ),
    "names as labels": (lambda p: write(p, labels=["x"] * N), "`label` .int"),
    "text as image": (lambda p: write(p, ["x"] * N), "`image` .binary"),
    "no bytes": (lambda p: write(p, [None, *PICTURES[1:]]), "row 0: .*got NoneType"),
    "no label": (lambda p: write(p, labels=[None, *LABELS[1:]]), "row 0: .*got bytes and None"),
    "a huge label": (lambda p: write(p, labels=[*LABELS[1:], 2**62]), "row 149: .*461168"),
    "no picture": (lambda p: write(p, [*PICTURES[1:], b"GIF89a"]), "row 149: .*PNG, JPEG or BMP"),
    "no rows": (lambda p: write(p, pa.array([], pa.binary()), pa.array([], pa.int8())), "got 0"),
    "cut": (lambda p: p.write_bytes(write(p).read_bytes()[:-9]), "a Parquet file"),
    "damaged": (
        lambda p: p.write_bytes(write(p).read_bytes()[:50] + bytes(900) + p.read_bytes()[950:]),
        "a Parquet file|picture",
    ),
    "a FIFO": (lambda p: os.mkfifo(p), "a FIFO, not a regular file"),
    "a link to a device": (lambda p: p.symlink_to("/dev/zero"), "a device, not a regular file"),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", WRONG)
def test_wrong_files_refused(name: str, tmp_path: Path) -> None:
    """Other columns, missing values, damage and special files are one DataError with the path."""
    change, words = WRONG[name]
    path = tmp_path / "set.parquet"
    change(path)
    with pytest.raises(DataError, match=words) as caught:
        data.load(path)
    assert one_sentence(caught.value).startswith(str(path))


def test_value_that_many_rows_repeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file whose rows share one large value needs memory for one row, not for a batch of them."""
    large = bytes(8 << 20)
    monkeypatch.setattr(picture, "MAX_BYTES", 1 << 20)
    images = pa.DictionaryArray.from_arrays(pa.array([0] * 64, pa.int32()), pa.array([large]))
    path = tmp_path / "set.parquet"
    whole = {"store_schema": False, "dictionary_pagesize_limit": 1 << 30, "compression": "zstd"}
    pq.write_table(pa.table({"image": images, "label": LABELS[:64]}), path, **whole)
    assert path.stat().st_size < 10_000
    before = pa.default_memory_pool().max_memory()
    with pytest.raises(DataError, match="row 0: expected at most 1 MiB"):
        data.load(path)
    assert pa.default_memory_pool().max_memory() - before < 8 * len(large)


def test_files_with_other_class_names_refused(tmp_path: Path) -> None:
    """Files of a split, or of both, that number the classes in another order are refused."""
    other = {"info": {"features": {"label": {"names": ["b", "a", "c"]}}}}
    write(tmp_path / "test-0.parquet", PICTURES[:20], LABELS[:20], huggingface=NAMES)
    for name in ("test-1.parquet", "train-0.parquet"):
        path = write(tmp_path / name, PICTURES[20:40], LABELS[20:40], huggingface=other)
        with pytest.raises(DataError, match="the same class names in all files") as caught:
            data.load(tmp_path)
        one_sentence(caught.value)
        path.unlink()


def test_large_row_groups_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row group that may not fit into memory is refused before it is read."""
    monkeypatch.setattr("securemnist.data.parquet_files._MAX_GROUP", 1_000)
    with pytest.raises(DataError, match="smaller row_group_size"):
        data.load(write(tmp_path / "set.parquet"))


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyarrow the sentence says what to install; other data need none."""
    path = write(tmp_path / "set.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(DataError, match=r"pip install 'securemnist\[parquet\]'") as caught:
        data.load(path)
    one_sentence(caught.value)


@pytest.mark.parametrize(
    "names", [{"info": 1}, [], {"info": {"features": {"label": {"names": [1]}}}}]
)
def test_malformed_class_names_are_ignored(names: Any, tmp_path: Path) -> None:
    """Metadata of another form names no classes."""
    assert data.load(write(tmp_path / "s.parquet", huggingface=names)).spec.class_names == ()
