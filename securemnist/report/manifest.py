"""The list of a report's files with their SHA-256: what in a folder is of a report, unchanged."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from securemnist._util.files import open_regular, read_at_most
from securemnist._util.hashing import json_file, sha256, sha256_of_file
from securemnist.errors import UsageError

NAME = "report.json"
_MAX_MANIFEST = 1 << 20
_MOST_READ, _MOST_CONTENT = 4 << 30, 1 << 30  # bytes of all files, read in parts and held
_FILE = re.compile(r"[\w-][\w.-]{0,99}(/[\w-][\w.-]{0,99})?", re.ASCII)


def dumps(files: Mapping[str, bytes]) -> bytes:
    """The list of these files."""
    digests = {name: sha256(content) for name, content in files.items()}
    return json_file({"schema": 1, "files": digests}, sort_keys=True)


def listed(folder: Path) -> dict[str, str]:
    """SHA-256 by name of the report in `folder`; what is no list of ours lists nothing."""
    try:
        data = json.loads(read_at_most(folder / NAME, _MAX_MANIFEST))
        files = data["files"] if data["schema"] == 1 else {}
        return {n: d for n, d in files.items() if _FILE.fullmatch(n) and isinstance(d, str)}
    except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return {}


def unchanged(folder: Path) -> set[str]:
    """The names of what the report in `folder` lists and that is as it was written.

    What lies behind a symbolic link is not of the report. UsageError as from `check_size`.
    """
    check_size(folder)
    return {name for name, digest in listed(folder).items() if _digest(folder, name) == digest}


def owned(folder: Path) -> dict[str, bytes]:
    """The content of the files that `unchanged` names; UsageError for more than 1 GiB of it."""
    digests, names = listed(folder), unchanged(folder)
    _refuse_more(folder, sum(_size(folder, name) for name in names), _MOST_CONTENT)
    found = {}
    for name in names:
        with contextlib.suppress(OSError):
            content = read_at_most(folder / name, _MOST_CONTENT, follow=False)
            if sha256(content) == digests[name]:
                found[name] = content
    return found


def check_size(folder: Path) -> None:
    """UsageError for a folder whose report lists more bytes than can be compared in seconds."""
    _refuse_more(folder, sum(_size(folder, name) for name in listed(folder)), _MOST_READ)


def behind_a_link(folder: Path, name: str) -> bool:
    """Whether this file of a report would lie in another folder, to which a symbolic link leads."""
    place = (folder / name).parent
    return place != folder and place.is_symlink()


def _digest(folder: Path, name: str) -> str:
    """The SHA-256 of a file; "" where it cannot be read or lies behind a link."""
    if behind_a_link(folder, name):
        return ""
    try:
        with open_regular(folder / name, os.O_RDONLY | os.O_NOFOLLOW) as descriptor:
            return sha256_of_file(descriptor)
    except OSError:
        return ""


def _size(folder: Path, name: str) -> int:
    try:
        return (folder / name).lstat().st_size
    except OSError:
        return 0


def _refuse_more(folder: Path, size: int, most: int) -> None:
    if size > most:
        raise UsageError(
            f"{folder}: expected files of a report of at most {most >> 30} GiB, got {size >> 20:,} MiB; "
            "move them away, or name another folder"
        )
