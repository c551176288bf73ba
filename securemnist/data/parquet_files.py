"""Parquet files in the form of Hugging Face's data sets: columns `image` and `label`.

`image` is an encoded picture: binary, or a struct of which `bytes` is read and `path` is not. Needs
pyarrow, the extra `parquet`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from securemnist._util.files import open_regular
from securemnist._util.parsing import json_object
from securemnist.data import picture
from securemnist.data.assembly import MOST_IMAGES, Splits
from securemnist.data.description import Description
from securemnist.data.samples import Samples
from securemnist.data.storage import Storage
from securemnist.errors import DataError, ParseError, first_line
from securemnist.input_spec import MOST_CLASSES
from securemnist.types import Progress

_BUFFER = 1 << 20  # bytes of a column read at a time; without it the whole column
_MAX_GROUP = 4 << 30  # bytes of a row group, which pyarrow may read as a whole
# A part of a split, numbered from 0, as Hugging Face's library names it.
_SHARD = re.compile(r"(?P<start>.*-)(?P<number>\d{1,9})-of-(?P<total>\d{1,9})(?=\D)", re.ASCII)
_ADVICE = "write it again, as `datasets.Dataset.to_parquet` does"


def read(path: Path, described: Description, progress: Progress) -> Splits:
    """The splits of a file (test), or of `test*.parquet` and `train*.parquet` in a folder."""
    tested = _shards(path, "test") if path.is_dir() else [path]
    known = _shards(path, "train") if path.is_dir() else []
    if not tested:
        raise DataError(f"{path}: expected test*.parquet, got other names; rename the test split")
    names: list[tuple[str, ...]] = []
    splits = [
        _samples(files, described.size, names, progress) for files in (tested, known) if files
    ]
    if len(set(filter(None, names))) > 1:
        raise DataError(
            f"{path}: expected the same class names in all files, got others, by which a label has two "
            "meanings; write the files again with one order of classes"
        )
    stored = next(filter(None, names), ())  # of any file: some may have none
    return Splits.of(splits, described.class_names or stored).in_equal_channels()


def _shards(folder: Path, split: str) -> list[Path]:
    """The files of a split; DataError where names such as test-00000-of-00002 say that one is missing."""
    paths = sorted(folder.glob(f"{split}*.parquet"))
    numbered = [found for path in paths if (found := _SHARD.match(path.name))]
    for found in numbered:
        start, total = found["start"], int(found["total"])
        there = {int(of["number"]) for of in numbered if of["start"] == start}
        if len(there) < total:
            missing = next(number for number in range(total) if number not in there)
            raise DataError(
                f"{folder}: expected {total:,} files {start}*, as {found[0]} says, got {len(there):,} "
                f"without number {missing}; copy all of them"
            )
    return paths


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(
            "expected pyarrow to read Parquet files, got none; pip install 'securemnist[parquet]'"
        ) from error
    return pyarrow


def _samples(
    paths: Sequence[Path],
    size: tuple[int, int] | None,
    names: list[tuple[str, ...]],
    progress: Progress,
) -> Samples:
    pyarrow = _pyarrow()
    total = sum(_count(pyarrow, path, names) for path in paths)
    if not 0 < total <= MOST_IMAGES:
        raise DataError(f"{paths[0]}: expected 1 to {MOST_IMAGES:,} rows, got {total:,}; {_ADVICE}")
    storage, labels = Storage(total), list[int]()
    for path in paths:
        for number, (content, label) in enumerate(_rows(pyarrow, path)):
            where = f"{path}: row {number}"
            if (
                not isinstance(content, bytes)
                or type(label) is not int
                or not 0 <= label < MOST_CLASSES
            ):
                raise DataError(
                    f"{where}: expected the bytes of a picture and a label from 0 to "
                    f"{MOST_CLASSES - 1}, got {type(content).__name__} and {label!r:.40}; {_ADVICE}"
                )
            if len(labels) == total:
                raise DataError(f"{where}: expected {total:,} rows, got more; {_ADVICE}")
            storage.add(picture.decoded(content, where, size), where)
            labels.append(label)
            progress(f"reading {path.stem}", storage.filled, total)
    if len(labels) != total:
        raise DataError(f"{paths[0]}: expected {total:,} rows, got {len(labels):,}; {_ADVICE}")
    return storage.samples(torch.tensor(labels))


def _count(pyarrow: Any, path: Path, names: list[tuple[str, ...]]) -> int:
    """The number of rows of a file whose columns have the right types; its class names are added."""
    with _file(pyarrow, path) as file:
        schema, metadata = file.schema_arrow, file.metadata
        columns = {field.name: field.type for field in schema}
        kinds = pyarrow.types
        image, label = columns.get("image"), columns.get("label")
        if image is not None and kinds.is_struct(image):
            fields = {field.name: field.type for field in image}
            image = fields.get("bytes")
        binary = image is not None and (kinds.is_binary(image) or kinds.is_large_binary(image))
        twice = len(schema.names) != len(columns)
        if not binary or label is None or not kinds.is_integer(label) or twice:
            raise DataError(
                f"{path}: expected columns `image` (binary, or struct with bytes) and `label` (int), got "
                f"{', '.join(f'{field.name} ({field.type})' for field in schema)!s:.200}; rename or "
                "convert them"
            )
        for group in range(metadata.num_row_groups):
            if metadata.row_group(group).total_byte_size > _MAX_GROUP:
                raise DataError(
                    f"{path}: expected row groups of at most {_MAX_GROUP >> 30} GiB, got a larger one; "
                    "write it with a smaller row_group_size"
                )
        names.append(_class_names(schema.metadata or {}))
        return int(metadata.num_rows)


def _class_names(metadata: dict[bytes, bytes]) -> tuple[str, ...]:
    """The class names that Hugging Face's library stores; empty where there are none."""
    try:
        found: Any = json_object(metadata.get(b"huggingface", b"{}"))
        for key in ("info", "features", "label", "names"):
            found = found[key]
    except (ParseError, KeyError, TypeError):
        return ()
    plain = isinstance(found, list) and all(isinstance(name, str) for name in found)
    return tuple(found) if plain else ()


def _rows(pyarrow: Any, path: Path) -> Iterator[tuple[Any, Any]]:
    """Picture and label of each row; other columns, and other fields of a struct, are not read.

    One row at a time: a dictionary may repeat a large value in many rows of a small file.
    """
    with _file(pyarrow, path) as file:
        nested = pyarrow.types.is_struct(file.schema_arrow.field("image").type)
        names = ["image.bytes" if nested else "image", "label"]
        try:
            for batch in file.iter_batches(batch_size=1, columns=names, use_threads=False):
                images = batch.column("image")
                images = images.flatten()[0] if nested else images
                yield from zip(images.to_pylist(), batch.column("label").to_pylist(), strict=True)
        except Exception as error:  # pyarrow's errors for damaged files have many classes
            raise _unreadable(path, error) from error


def _file(pyarrow: Any, path: Path) -> Any:
    try:
        with open_regular(path):
            return pyarrow.parquet.ParquetFile(path, buffer_size=_BUFFER)
    except Exception as error:  # see _rows
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or first_line(error)
    return DataError(f"{path}: expected a Parquet file, got {reason:.200}; {_ADVICE}")
