"""The record of a data set: digests and statistics of each split, which later data are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from securemnist._util.files import read_or_raise
from securemnist._util.hashing import json_file
from securemnist._util.parsing import json_object
from securemnist.errors import DataError, ParseError
from securemnist.input_spec import MOST_CLASSES
from securemnist.results.json_model import JsonModel
from securemnist.results.value_types import Count, Digest, Nonnegative, Share

NAME = "data-record.json"
SCHEMA = 1
_MAX_BYTES = 64 << 20
_MAX_VALUES = 4_000_000
_Numbers = Annotated[list[Nonnegative], Field(max_length=64)]


@dataclass(frozen=True, kw_only=True)
class ClassRecord(JsonModel):
    """The images of one class: their number, and how bright they are.

    `mean` and `deviation` have 24 numbers in [0, 1]: the brightness of 16 parts, in rows of four, and
    the shares of pixels in 8 equal ranges of brightness. They are the mean over images, and the
    standard deviation between images. Both are empty without images.
    """

    n: Count
    mean: _Numbers
    deviation: _Numbers


@dataclass(frozen=True, kw_only=True)
class SplitRecord(JsonModel):
    """One split: digests, classes, equal images, and labels that differ from a near image's.

    `repeated`: images that are also at an earlier place. `conflicting`: images that an equal one has
    another label than. `disagreeing`: the share of `compared` images whose nearest other image has
    another label.
    """

    images: Count
    pixels: Digest
    labels: Digest
    classes: Annotated[list[ClassRecord], Field(max_length=MOST_CLASSES)]
    repeated: Count
    conflicting: Count
    disagreeing: Share
    compared: Count


@dataclass(frozen=True, kw_only=True)
class DataRecord(JsonModel):
    """What is recorded of a data set: its name, its files by SHA-256, and its splits by name.

    `shared`: the images of the first split that the second has, too, by "test, training".
    """

    schema: Count
    name: str
    files: Mapping[str, str]
    splits: Annotated[Mapping[str, SplitRecord], Field(min_length=1, max_length=10)]
    shared: Annotated[Mapping[str, Count], Field(max_length=10)]


def dumps(record: DataRecord) -> bytes:
    """The record as a JSON file."""
    return json_file(record.to_json())


def load(path: Path) -> DataRecord:
    """The record of a file; DataError where it cannot be read, or is no record."""
    advice = "write it with `securemnist data record`"
    content = read_or_raise(path, _MAX_BYTES, "a record of data", DataError, advice)
    try:
        record = DataRecord.from_json(json_object(content, values=_MAX_VALUES))
    except ParseError as error:
        raise DataError(f"{path}: expected JSON, got {error}; {advice}") from error
    except ValueError as error:
        raise DataError(f"{path}: expected a record of data ({error}); {advice}") from error
    if record.schema != SCHEMA:
        raise DataError(f"{path}: expected schema {SCHEMA}, got {record.schema}; {advice}")
    return record
