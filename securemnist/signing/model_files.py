"""Files of a model: a file, or every file below a folder, with their SHA-256.

As in OpenSSF Model Signing, symbolic links are refused, and files of git are left out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from securemnist._util.files import open_regular
from securemnist._util.hashing import sha256_of_file
from securemnist.errors import SignatureError, UsageError

ALWAYS_IGNORED = (".git", ".gitattributes", ".github", ".gitignore")
SINGLE = "."  # the name of the file where the model is one file
_MOST_FILES = 20_000

OnProgress = Callable[[str, int, int], None]


def silent(_what: str, _done: int, _total: int) -> None:
    """No display of progress."""


def digests(
    path: Path, ignored: Collection[str] = (), progress: OnProgress = silent
) -> dict[str, str]:
    """SHA-256 by name of the file at `path`, or of the files below it, in the order of their names.

    Names are relative to the folder, with `/`. `ignored`: names of files and folders to leave out.
    UsageError for a link, a special file, a name that is not UTF-8, and where no file is left.
    """
    found = dict(sorted(_found(path, frozenset(ignored))))
    if not found:
        raise UsageError(f"{path}: expected files of a model, got none; name another folder")
    total = sum(size for _, size in found.values())
    done = 0
    hashes = {}
    for name, (place, size) in found.items():
        progress(f"SHA-256 of {name}", done, max(total, 1))
        hashes[name] = digest(place)
        done += size
    return hashes


def digest(path: Path) -> str:
    """SHA-256 of a regular file that is no link; UsageError otherwise."""
    try:
        with open_regular(path, os.O_RDONLY | os.O_NOFOLLOW) as descriptor:
            return sha256_of_file(descriptor)
    except OSError as error:
        reason = "a symbolic link" if path.is_symlink() else error.strerror
        raise UsageError(
            f"{path}: expected a file, got {reason}; put the file itself there"
        ) from error


def _found(path: Path, ignored: Collection[str]) -> Iterator[tuple[str, tuple[Path, int]]]:
    try:
        about = path.lstat()
        if not stat.S_ISDIR(about.st_mode):
            yield SINGLE, (_checked(path, about.st_mode), about.st_size)
            return
        for count, (name, place, status) in enumerate(_below(path, ignored), 1):
            if count > _MOST_FILES:
                raise UsageError(
                    f"{path}: expected at most {_MOST_FILES:,} files, got more; name the folder of the "
                    "model"
                )
            yield _text(name, path), (_checked(place, status.st_mode), status.st_size)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "a path that no file can have"
        raise UsageError(f"{path}: expected a model, got {reason}; name another") from error


def _below(root: Path, ignored: Collection[str]) -> Iterator[tuple[str, Path, os.stat_result]]:
    """Name, place and status of all below a folder but folders; links are not followed."""
    waiting = [("", root)]
    while waiting:
        prefix, folder = waiting.pop()
        with os.scandir(folder) as entries:
            for entry in entries:
                name, status = f"{prefix}{entry.name}", entry.stat(follow_symlinks=False)
                if name in ignored:
                    continue
                if stat.S_ISDIR(status.st_mode):
                    waiting.append((f"{name}/", Path(entry.path)))
                else:
                    yield name, Path(entry.path), status


def _checked(path: Path, mode: int) -> Path:
    """The path of a regular file; UsageError for a link or a special file."""
    if not stat.S_ISREG(mode):
        kind = "a symbolic link" if stat.S_ISLNK(mode) else "a special file"
        raise UsageError(
            f"{path}: expected regular files, got {kind}; put the file itself there, or leave it out "
            "with --ignore"
        )
    return path


def _text(name: str, folder: Path) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"{folder}: expected names in UTF-8, got {name.encode(errors='replace').decode()!r}; rename "
            "the file"
        ) from error
    return name


def check_name(name: str, *, signed: bool) -> None:
    """An error for a name that does not stay below a folder, or has two spellings.

    SignatureError where it is `signed` by others, else UsageError.
    """
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in name:
        kind = SignatureError if signed else UsageError
        raise kind(
            f"expected names of files below the model's folder, got {name!r:.100}; "
            + ("do not use the files" if signed else "name it relative to that folder")
        )
