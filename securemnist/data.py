"""MNIST and data sets of the same form: IDX files, verified, and unpacked for torchvision.

A data folder holds the four usual files, plain or gzip-compressed. The bundled MNIST (Y. LeCun,
C. Cortes, C. J. C. Burges; CC BY-SA 3.0) is held to the pinned digests below; any other folder is held
to the IDX form, and its digests stand in every result. Nothing is ever downloaded.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from securemnist import idx_files, resources
from securemnist._torchvision import torchvision
from securemnist.digests import sha256
from securemnist.errors import DataError
from securemnist.types import Images, Labels

# SHA-256 of the uncompressed files.
PINNED = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
FILES = {"train": tuple(PINNED)[:2], "test": tuple(PINNED)[2:]}


@dataclass(frozen=True)
class Digits:
    """Labelled images: `pixels` uint8 (n, 28, 28), `labels` int64 (n,)."""

    pixels: torch.Tensor
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | torch.Tensor) -> Digits:
        return Digits(self.pixels[index], self.labels[index])

    def images(self) -> Images:
        """Float32 (n, 1, 28, 28) in [0, 1]."""
        return self.pixels.unsqueeze(1).float().div_(255)


@dataclass(frozen=True)
class DataSet:
    """Train, tuning and test digits, with the digest of every file they came from.

    Tuning is the end of the training files (5,000 of MNIST's 60,000); thresholds and recipes are
    chosen on it, never on the test digits. `pinned` says that this is the bundled MNIST.
    """

    name: str
    train: Digits
    tuning: Digits
    test: Digits
    digests: dict[str, str]

    @property
    def pinned(self) -> bool:
        return self.digests == PINNED


def load(folder: Path | None = None) -> DataSet:
    """The data set in `folder`, or the bundled MNIST.

    Raises DataError (one sentence) for a missing, truncated, altered or ill-formed file.
    """
    builtin = folder is None
    source = resources.MNIST if folder is None else folder
    contents = {name: idx_files.read(source, name) for name in PINNED}
    digests = {name: idx_files.digest(content) for name, content in contents.items()}
    if builtin:
        for name, digest in digests.items():
            if digest != PINNED[name]:
                raise DataError(
                    f"{source / name}: expected SHA-256 {PINNED[name][:12]}..., got "
                    f"{digest[:12]}...; the file was altered, {idx_files.ADVICE}"
                )
    for split in FILES:
        idx_files.check_form(source, contents, *FILES[split])
    idx_files.check_distinct(source / FILES["test"][0], contents[FILES["test"][0]][16:])
    training, test = _served(contents, digests)
    held_out = min(5_000, len(training) // 12)
    cut = len(training) - held_out
    name = "MNIST" if builtin else source.resolve().name
    return DataSet(name, training[:cut], training[cut:], test, digests)


def _served(contents: dict[str, bytes], digests: dict[str, str]) -> tuple[Digits, Digits]:
    """Training and test digits; with a cache that holds them for torchvision."""
    try:
        _unpack(contents, digests)
    except OSError as error:
        where = error.filename or resources.cache_folder()
        raise DataError(
            f"{where}: expected a cache folder to write to, got {error.strerror}; name one "
            "in the environment variable SECUREMNIST_CACHE"
        ) from error
    training, test = (_digits(contents, split) for split in ("train", "test"))
    return training, test


def _digits(contents: dict[str, bytes], split: str) -> Digits:
    images, labels = FILES[split]
    pixels = np.frombuffer(contents[images], np.uint8, offset=16).reshape(-1, 28, 28)
    classes = np.frombuffer(contents[labels], np.uint8, offset=8).astype(np.int64)
    return Digits(torch.from_numpy(pixels.copy()), torch.from_numpy(classes))


def _unpack(contents: dict[str, bytes], digests: dict[str, str]) -> None:
    """A folder, keyed by the digests, in the layout that torchvision's MNIST class reads.

    torchvision has to agree with us on the digits when the folder is made. Later its content is
    compared, and torchvision, whose import takes longer than all the rest, is left alone.
    """
    key = sha256("".join(digests.values()).encode())[:32]
    root = resources.cache_folder() / "data" / key
    if _whole(root, contents):
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=root.parent, prefix=".unpack-"))
    try:
        raw = scratch / "new" / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for name, content in contents.items():
            (raw / name).write_bytes(content)
        _check_reader(scratch / "new", contents)
        _move_in(scratch, root, contents)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _check_reader(root: Path, contents: dict[str, bytes]) -> None:
    """DataError where torchvision reads other digits out of the files than we do, or none."""
    for split in FILES:
        ours = _digits(contents, split)
        try:
            theirs = torchvision().MNIST(str(root), train=split == "train", download=False)
            same = torch.equal(theirs.data, ours.pixels) and torch.equal(
                theirs.targets, ours.labels
            )
        except (RuntimeError, ValueError, AssertionError):  # it has no error of its own for that
            same = False
        if not same:
            raise DataError(
                f"expected torchvision to read the verified {split} digits, got others or none; "
                "install the torchvision that belongs to your torch"
            )


def _move_in(scratch: Path, root: Path, contents: dict[str, bytes]) -> None:
    """Make `scratch/new` the folder `root` at one stroke: nobody ever sees a half-filled one."""
    try:
        os.rename(scratch / "new", root)
    except OSError:
        if _whole(root, contents):
            return  # another process was faster
        os.rename(root, scratch / "damaged")
        os.rename(scratch / "new", root)


def _whole(root: Path, contents: dict[str, bytes]) -> bool:
    """Whether every file is there with its content."""
    raw = root / "MNIST" / "raw"
    try:
        return all((raw / name).read_bytes() == content for name, content in contents.items())
    except OSError:
        return False
