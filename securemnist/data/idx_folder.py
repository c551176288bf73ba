"""Folder of IDX files: MNIST, which is verified before use, and data sets under the same file names.

A folder has the four files of MNIST, plain or gzip-compressed. The bundled MNIST must have the pinned
digests. Any other folder must have valid files, and every result states their digests. Nothing is
downloaded.
"""

from __future__ import annotations

import os
from pathlib import Path

from securemnist._util import resources
from securemnist.data import idx_files
from securemnist.data.assembly import Splits, assembled, check_distinct
from securemnist.data.dataset import FILES, PINNED, DataSet
from securemnist.data.description import Description
from securemnist.data.samples import Samples
from securemnist.errors import DataError

_BUNDLED = Description(path=".")


def is_one(folder: Path) -> bool:
    """Whether a folder has one of the files of MNIST, by its name."""
    return any(os.path.lexists(folder / f"{name}{end}") for name in PINNED for end in ("", ".gz"))


def hint(folder: Path) -> str:
    """Advice if the folder has IDX files in another place or under other names; else empty."""
    return idx_files.hint(folder, next(iter(PINNED)))


def bundled() -> DataSet:
    """The bundled MNIST; DataError if a file was altered."""
    contents, digests = _files(resources.MNIST)
    for name, digest in digests.items():
        if digest != PINNED[name]:
            raise DataError(
                f"{resources.MNIST / name}: expected SHA-256 {PINNED[name][:12]}..., got "
                f"{digest[:12]}...; the file was altered, {idx_files.ADVICE}"
            )
    return _data_set(resources.MNIST, contents, digests, _BUNDLED, "MNIST")


def load(folder: Path, described: Description, name: str) -> DataSet:
    """The data set of the files in a folder; DataError for a missing or malformed one."""
    contents, digests = _files(folder)
    return _data_set(folder, contents, digests, described, name)


def _files(folder: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    contents = {name: idx_files.read(folder, name) for name in PINNED}
    return contents, {name: idx_files.digest(content) for name, content in contents.items()}


def _data_set(
    folder: Path,
    contents: dict[str, bytes],
    digests: dict[str, str],
    described: Description,
    name: str,
) -> DataSet:
    training, test = (_samples(folder, contents, split, described) for split in ("train", "test"))
    shapes = ["x".join(map(str, part.pixels.shape[1:])) for part in (training, test)]
    wanted = f"images of {shapes[1]}, as in {FILES['test'][0]}"
    idx_files.check(shapes[0] == shapes[1], folder / FILES["train"][0], wanted, shapes[0])
    splits = Splits(test, training, described.class_names)
    data = assembled(name, splits, where=str(folder), digests=digests)
    check_distinct(data.test, str(folder / FILES["test"][0]))
    return data


def _samples(
    folder: Path, contents: dict[str, bytes], split: str, described: Description
) -> Samples:
    images, labels = FILES[split]
    pixels = idx_files.images(folder / images, contents[images], described.layout)
    return Samples(pixels, idx_files.labels(folder / labels, contents[labels], len(pixels)))
