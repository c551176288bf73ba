"""Folder of pictures: `test/CLASS/FILE`, and optionally `train/CLASS/FILE`.

Classes are the sorted names of the class folders of both splits. The files of the classes alternate, so
that the end of the training split, which is the tuning split, has all classes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from securemnist._util.files import expecting
from securemnist.data import picture
from securemnist.data.assembly import MOST_IMAGES, Splits
from securemnist.data.description import Description
from securemnist.data.samples import Samples
from securemnist.data.storage import Storage
from securemnist.errors import DataError
from securemnist.input_spec import MOST_CLASSES, composed
from securemnist.types import Progress

_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp"}
# Reading ends at this number of refused pictures: often all others are refused for the same reason.
_MOST_REFUSED = 20
_NAMED = 5  # of them, at most so many are named beside the first


def hint(folder: Path) -> str:
    """What a folder without `test` has instead, and what to do; empty where there are no pictures."""
    kinds = [f"/*{suffix}" for suffix in sorted(_SUFFIXES)]
    if any(next(folder.glob(f"train/*{kind}"), None) for kind in kinds):
        return "train/CLASS without test/CLASS; add the test pictures"
    if any(next(folder.glob(f"*{kind}"), None) for kind in kinds):
        return "folders of pictures; move them to test/CLASS, and those of training to train/CLASS"
    return ""


def read(folder: Path, described: Description, progress: Progress) -> Splits:
    """The splits of a folder; DataError for a picture that is not read, and for links."""
    splits = [split for split in ("test", "train") if os.path.lexists(folder / split)]
    files = {split: _files(folder / split) for split in splits}
    names = _class_names(
        folder, described.class_names, {name for by in files.values() for name in by}
    )
    parts = [
        _samples(folder / split, files[split], names, described.size, progress) for split in splits
    ]
    return Splits.of(parts, names).in_equal_channels()


def _class_names(folder: Path, named: tuple[str, ...], found: set[str]) -> tuple[str, ...]:
    """The names of the description in its order, else the sorted names of the class folders."""
    spelled = {composed(name): name for name in found}  # as the file system stores it
    named = tuple(spelled.get(composed(name), name) for name in named)
    unknown = sorted(found - set(named))
    if named and unknown:
        raise DataError(
            f"{folder}: expected class folders of `class_names`, got {unknown[0]!r:.80}; name every "
            "class folder"
        )
    return named or tuple(sorted(found))


def _files(split: Path) -> dict[str, list[str]]:
    """The names of the pictures of each class, sorted; hidden files are left out."""
    classes = [name for name, is_folder in _entries(split) if is_folder]
    loose = [name for name, is_folder in _entries(split) if not is_folder]
    if loose or not 0 < len(classes) <= MOST_CLASSES:
        got = f"the file {loose[0]!r:.80}" if loose else f"{len(classes):,} folders"
        raise DataError(
            f"{split}: expected a folder for each of at most {MOST_CLASSES:,} classes, got {got}; move "
            "pictures to CLASS/FILE.png"
        )
    files = {}
    for name in sorted(classes):
        wrong = [
            entry
            for entry, is_folder in _entries(split / name)
            if is_folder or Path(entry).suffix.lower() not in _SUFFIXES
        ]
        if wrong:
            raise DataError(
                f"{split / name / wrong[0]}: expected pictures .png, .jpg, .jpeg or .bmp, got another "
                "entry; convert or remove it"
            )
        files[name] = sorted(entry for entry, _ in _entries(split / name))
    return files


def _entries(folder: Path) -> list[tuple[str, bool]]:
    """Name of each entry, and whether it is a folder; DataError for links and special files."""
    if folder.is_symlink():
        raise DataError(f"{folder}: expected a folder, got a link; replace it by the folder")
    advice = "fix or remove it"
    with (
        expecting(folder, "a folder of pictures", advice, DataError),
        os.scandir(folder) as found,
    ):
        entries = [entry for entry in found if not entry.name.startswith(".")]
    for entry in entries:
        if _is_special(entry):
            raise DataError(
                f"{entry.path}: expected a file or folder, got a link, FIFO or device; replace it by the "
                "file"
            )
    return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]


def _is_special(entry: os.DirEntry[str]) -> bool:
    """Whether a folder's entry is a link, or neither a file nor a folder."""
    return entry.is_symlink() or not (
        entry.is_file(follow_symlinks=False) or entry.is_dir(follow_symlinks=False)
    )


def _samples(
    split: Path,
    files: dict[str, list[str]],
    names: Sequence[str],
    size: tuple[int, int] | None,
    progress: Progress,
) -> Samples:
    order = sorted(
        ((place + 0.5) / len(of_class), names.index(name), file)
        for name, of_class in files.items()
        for place, file in enumerate(of_class)
    )
    if not 0 < len(order) <= MOST_IMAGES:
        raise DataError(
            f"{split}: expected 1 to {MOST_IMAGES:,} pictures, got {len(order):,}; add or remove some"
        )
    storage, refused = Storage(len(order)), list[tuple[str, DataError]]()
    for count, (_, label, file) in enumerate(order, 1):
        path = split / names[label] / file
        try:
            decoded = picture.read(path, size)
        except DataError as error:
            refused.append((f"{names[label]}/{file}", error))
            if len(refused) == _MOST_REFUSED:
                break
        else:
            storage.add(decoded, str(path))
        progress(f"reading {split.name}", count, len(order))
    if refused:
        raise _of_all(refused) from refused[0][1]
    return storage.samples(torch.tensor([label for _, label, _ in order]))


def _of_all(refused: Sequence[tuple[str, DataError]]) -> DataError:
    """The first refusal, with the names of some other pictures that are refused."""
    (_, first), *others = refused
    if not others:
        return first
    named = ", ".join(f"{name:.80}" for name, _ in others[:_NAMED])
    left = len(others) - _NAMED
    more = f" and {left} more" if left > 0 else ""
    end = ", where reading ended" if len(refused) == _MOST_REFUSED else ""
    return DataError(f"{first}; also refused: {named}{more}{end}")
