"""Recovery: the end of a log whose writer was killed, so that another writer can go on.

A line that was not completed has no line break. It is moved to a file of its own, first written there
and only then removed, and the log names that file.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securemnist._util.files import open_regular, read_at_most
from securemnist._util.hashing import sha256
from securemnist.audit import folder as names
from securemnist.audit.line import BEGINNING, Line, parse
from securemnist.audit.settings import LONGEST_LINE
from securemnist.errors import ParseError, UsageError

_BLOCK = 2 * LONGEST_LINE


@dataclass(frozen=True)
class End:
    """Where a log goes on: its last file (None for a new log), number and digest of its last line."""

    path: Path | None
    number: int
    digest: str
    torn: tuple[Path, ...] = ()


def end_of(folder: Path) -> End:
    """The end of the log in `folder`, without a part of a line; the caller holds the lock.

    OSError where a file cannot be changed, UsageError where the last line is not as it was written.
    """
    found = names.segments(folder)
    while found:
        last = _last_line(found[-1], folder, found[:-1])
        if last is not None:
            torn = tuple(names.parts(folder, last.number + 1))
            return End(found[-1], last.number, last.digest, torn)
        found[-1].unlink()  # empty: it was begun, and no line of it was completed
        found.pop()
    return End(None, 0, BEGINNING, tuple(names.parts(folder, 1)))


def first_line(path: Path) -> Line:
    """The first line of a file of the log; UsageError where it is not as it was written."""
    try:
        line = parse(next(names.texts(path), b"").removesuffix(b"\n"))
    except ParseError as error:
        raise _damaged(path, error) from error
    if line.kind not in ("start", "segment"):
        raise _damaged(path, "another first line")
    return line


def torn_content(part: Path) -> dict[str, Any]:
    """What the log says of a part of a line."""
    content = read_at_most(part, _BLOCK)
    return {"file": part.name, "bytes": len(content), "sha256": sha256(content)}


def _last_line(path: Path, folder: Path, before: list[Path]) -> Line | None:
    """The last complete line of a file; None where it has none. What follows it is moved away."""
    with open_regular(path, os.O_RDWR) as file:
        size = os.fstat(file).st_size
        start = max(0, size - _BLOCK)
        block = os.pread(file, _BLOCK, start)
        complete, _, torn = block.rpartition(b"\n")
        if not complete and size > len(torn):
            raise _damaged(path, "a last line that is too long")
        line = None
        if complete:
            try:
                line = parse(complete.rpartition(b"\n")[2])
            except ParseError as error:
                raise _damaged(path, error) from error
        if torn:
            number = line.number + 1 if line else _number_after(before)
            _move(torn, names.new_part(folder, number))
            os.ftruncate(file, size - len(torn))
            os.fsync(file)
    return line


def _number_after(before: list[Path]) -> int:
    if not before:
        return 1
    *_, last = b"", *names.texts(before[-1])
    try:
        return parse(last.removesuffix(b"\n")).number + 1
    except ParseError as error:
        raise _damaged(before[-1], error) from error


def _move(torn: bytes, part: Path) -> None:
    """Write a file of its own; OSError where it cannot be written whole, and then there is none."""
    with open_regular(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600) as file:
        try:
            if os.write(file, torn) != len(torn):  # a full disk takes a part
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
        except OSError:
            part.unlink()
            raise


def _damaged(path: Path, found: object) -> UsageError:
    return UsageError(
        f"{path}: expected an audit log to go on with, got {found}; run `securemnist audit verify`, "
        "keep the folder, and log to another one"
    )
